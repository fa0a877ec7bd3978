"""Google's Gemini API, as the Gemini API (AI Studio) and as Vertex AI speak it.

Facts: the SDK 3.4 (`google-genai`) and the threads on its server's errors. Options of a target: `vertex` with
`project`, `location` and `credentials_file` (the key is then an access token, which Google's library finds where a
target has none) or `express` (a key of its express mode), `thinking_budget` (tokens).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..capabilities import Capabilities
from ..chat import ChatRequest
from ..cloud_keys import GoogleToken
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..errors import ProviderError
from ..fitting import facts_for, fitted
from ..knowledge import known
from ..mapping import provider_error
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, WireRequest, here
from ..quirks import TURNS
from ..vertex import EXPRESS, HOST, place_of, vertex_key, vertex_problem
from .gemini_decoder import RULES, ContentStreamDecoder, content_body_decoder
from .gemini_request import FIT as FIT
from .gemini_request import content_body

_VERTEX_VERSION = "v1beta1"


class Gemini:
    """The provider `gemini`."""

    name = "gemini"
    info = ProviderInfo(
        title="Google Gemini",
        dialect="gemini",
        site_url="https://ai.google.dev",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        endpoint="/models/{model}:streamGenerateContent",
        key_env="GEMINI_API_KEY",
        default_model="gemini-2.5-flash",
        options=("vertex", "thinking_budget"),
        quirks=TURNS,
    )

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model."""
        return known(self.name, model.removeprefix("models/")).capabilities

    def options_problem(self, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of a target's options; None when nothing is."""
        return vertex_problem(options, express=True)

    def key_source(self, options: Mapping[str, Any], environment: Mapping[str, str]) -> GoogleToken | None:
        """How a target without a key finds one: on Vertex AI, as Google's library does; None: by its variable."""
        return vertex_key(options)

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a request for content.

        Raises:
            Unsupported: It asks what this dialect cannot say, see `FIT`; or the option
                `vertex` makes no sense.
        """
        vertex = endpoint.options.get("vertex")
        facts = facts_for(self, endpoint)
        chat, moved = fitted(chat, facts)
        name = endpoint.model.removeprefix("models/")
        body, notes = content_body(chat, lambda: here(self, endpoint), facts, endpoint.options, vertex=bool(vertex))
        models = self._vertex_models(endpoint, vertex) if vertex else f"{endpoint.base_url}/models"
        method = "streamGenerateContent?alt=sse" if endpoint.stream else "generateContent"
        headers = {}
        if endpoint.key is not None and vertex and vertex != EXPRESS:
            headers["authorization"] = f"Bearer {endpoint.key.reveal()}"
        elif endpoint.key is not None:
            headers["x-goog-api-key"] = endpoint.key.reveal()
        return WireRequest(
            f"{_resource(models, name)}:{method}",
            request_headers(endpoint, headers),
            request_body(body, chat, endpoint, joined=("generationConfig", "toolConfig")),
            notes=moved + notes,
        )

    def _vertex_models(self, endpoint: Endpoint, vertex: object) -> str:
        """Everything before the model, at the location's own host unless the target names another."""
        own = None if endpoint.base_url == self.info.base_url else endpoint.base_url
        if vertex == EXPRESS:
            return f"{own or f'https://{HOST}/{_VERTEX_VERSION}'}/publishers/google/models"
        return place_of(vertex, express=True).url(_VERTEX_VERSION, own, "google")

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, for a stream or for a whole answer."""
        return decoder_for(head, stream=lambda: ContentStreamDecoder(head), body=lambda: content_body_decoder(head))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means."""
        return provider_error(head, body, rules=RULES)

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


def _resource(models: str, name: str) -> str:
    """The address of a model by its name, or of one that was tuned by the name that its service gives it.

    Args:
        models: Where the service's own models are.
    """
    for beginning, root in _ELSEWHERE.items():
        if name.startswith(beginning):
            return f"{models.partition(root)[0]}/{quote(name, safe='/')}"
    return f"{models}/{quote(name, safe='')}"


_ELSEWHERE = {"tunedModels/": "/models", "projects/": "/projects/", "endpoints/": "/publishers/"}
"""How names begin of models that stand elsewhere, and what begins behind the place that they hang on."""

provider = Gemini()
