"""OpenAI's Responses API.

Facts: the SDK 3.54 and the threads on its stream's errors. Options of a target: `store` (true: the provider keeps the
response; our default is that it does not), `reasoning_summary` (`auto`, `concise`, `detailed`; `none` where the
organization is not verified), `organization`, `project`.
"""

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
from .openai_responses_decoder import ResponseStreamDecoder, response_body_decoder
from .openai_responses_request import FIT as FIT
from .openai_responses_request import response_body

_OPTION_HEADERS = {"organization": "openai-organization", "project": "openai-project"}


class OpenAIResponses:
    """The provider `openai-responses`."""

    name = "openai-responses"
    info = ProviderInfo(
        title="OpenAI Responses",
        dialect="openai-responses",
        site_url="https://platform.openai.com",
        base_url="https://api.openai.com/v1",
        endpoint="/responses",
        key_env="OPENAI_API_KEY",
        default_model="gpt-5-mini",
        options=("organization", "project", "reasoning_summary", "store"),
        quirks=TURNS,
    )

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a Responses request.

        Raises:
            Unsupported: It asks what this dialect cannot say, see `FIT`; or that
                the answer be made in the background, where no caller would get it.
        """
        if {**endpoint.body, **chat.extra}.get("background"):
            raise Unsupported("background: an answer that no caller waits for")
        facts = facts_for(self, endpoint)
        chat, moved = fitted(chat, facts, FIT)
        body, notes = response_body(chat, lambda: here(self, endpoint), facts, endpoint.options)
        headers = {
            header: str(endpoint.options[option])
            for option, header in _OPTION_HEADERS.items()
            if option in endpoint.options
        }
        if endpoint.key is not None:
            headers["authorization"] = f"Bearer {endpoint.key.reveal()}"
        own = {"model": endpoint.model, "stream": endpoint.stream, **body}
        return WireRequest(
            endpoint.base_url + self.info.endpoint,
            request_headers(endpoint, headers),
            request_body(own, chat, endpoint, joined=("reasoning", "text")),
            notes=moved + notes,
        )

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, for a stream or for a whole response."""
        return decoder_for(head, stream=lambda: ResponseStreamDecoder(head), body=lambda: response_body_decoder(head))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means."""
        return provider_error(head, body)

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


provider = OpenAIResponses()
