"""Google's Gemini API, as the Gemini API (AI Studio) and as Vertex AI speak it.

Facts: the SDK 3.4 (`google-genai`) and the threads on its server's errors. Options of a target: `vertex` with
`project` and `location` (the key is then an access token) or `express` (a key of its express mode), `thinking_budget`
(tokens).
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..capabilities import Capabilities
from ..chat import ChatRequest
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..errors import ProviderError
from ..fitting import facts_for, fitted
from ..knowledge import known
from ..mapping import provider_error
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, Unsupported, WireRequest, here
from ..quirks import TURNS
from .gemini_decoder import RULES, ContentStreamDecoder, content_body_decoder
from .gemini_request import FIT as FIT
from .gemini_request import content_body

EXPRESS = "express"
"""The option `vertex` for keys of Vertex AI's express mode, which belong to no project."""
VERTEX_HOST = "aiplatform.googleapis.com"

_PROJECT = re.compile(r"[a-zA-Z0-9.:_-]{1,100}")
_LOCATION = re.compile(r"[a-z0-9-]{1,40}")


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
        body, notes = content_body(
            chat, lambda: here(self, endpoint), facts, endpoint.options, model=name, vertex=bool(vertex)
        )
        base_url = self._vertex_url(endpoint, vertex) if vertex else endpoint.base_url
        method = "streamGenerateContent?alt=sse" if endpoint.stream else "generateContent"
        model = quote(name, safe="")
        headers = {}
        if endpoint.key is not None and vertex and vertex != EXPRESS:
            headers["authorization"] = f"Bearer {endpoint.key.reveal()}"
        elif endpoint.key is not None:
            headers["x-goog-api-key"] = endpoint.key.reveal()
        return WireRequest(
            f"{base_url}/models/{model}:{method}",
            request_headers(endpoint, headers),
            request_body(body, chat, endpoint, joined=("generationConfig", "toolConfig")),
            notes=moved + notes,
        )

    def _vertex_url(self, endpoint: Endpoint, vertex: Any) -> str:
        """Everything before `/models/…`, at the location's own host unless the target names another."""
        if vertex == EXPRESS:
            return f"{self._base_url(endpoint, VERTEX_HOST)}/publishers/google"
        project, location = (
            (vertex.get("project"), vertex.get("location", "global")) if isinstance(vertex, Mapping) else (None, None)
        )
        if not (
            isinstance(project, str)
            and isinstance(location, str)
            and _PROJECT.fullmatch(project)
            and _LOCATION.fullmatch(location)
        ):
            raise Unsupported("the option vertex without a project and a location")
        host = VERTEX_HOST if location == "global" else f"{location}-{VERTEX_HOST}"
        return f"{self._base_url(endpoint, host)}/projects/{project}/locations/{location}/publishers/google"

    def _base_url(self, endpoint: Endpoint, host: str) -> str:
        return f"https://{host}/v1beta1" if endpoint.base_url == self.info.base_url else endpoint.base_url

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, for a stream or for a whole answer."""
        return decoder_for(head, stream=lambda: ContentStreamDecoder(head), body=lambda: content_body_decoder(head))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means."""
        return provider_error(head, body, rules=RULES)

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


provider = Gemini()
