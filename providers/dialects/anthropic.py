"""Anthropic's Messages API, in both of its versions.

Facts: the SDK 2.12 and its model list, the pages on versioning, errors and prefill. Options of a target:
`anthropic_version`, `anthropic_beta` (names, as a list or with commas), `thinking_budget` (tokens).
"""

from ..capabilities import Capabilities
from ..chat import ChatRequest
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..errors import ProviderError
from ..fitting import facts_for, fitted
from ..knowledge import known
from ..mapping import provider_error
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, WireRequest, here
from ..quirks import TURNS
from ..turns import without_end_blanks
from .anthropic_decoder import RULES, MessageStreamDecoder, message_body_decoder
from .anthropic_request import CLASSIC_VERSION, messages_body
from .anthropic_request import FIT as FIT


class Anthropic:
    """The provider `anthropic`."""

    name = "anthropic"
    info = ProviderInfo(
        title="Anthropic",
        dialect="anthropic",
        site_url="https://platform.claude.com",
        base_url="https://api.anthropic.com/v1",
        endpoint="/messages",
        key_env="ANTHROPIC_API_KEY",
        default_model="claude-haiku-4-5",
        options=("anthropic_version", "anthropic_beta", "thinking_budget"),
        quirks=TURNS,
    )

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a Messages request.

        Raises:
            Unsupported: It asks what this dialect cannot say, see `FIT`.
        """
        version = str(endpoint.options.get("anthropic_version", CLASSIC_VERSION))
        facts = facts_for(self, endpoint)
        chat, moved = fitted(chat, facts)
        body, notes = messages_body(chat, lambda: here(self, endpoint), facts, endpoint.options, version)
        headers = {"anthropic-version": version}
        if betas := endpoint.options.get("anthropic_beta"):
            headers["anthropic-beta"] = betas if isinstance(betas, str) else ",".join(map(str, betas))
        if endpoint.key is not None:
            headers["x-api-key"] = endpoint.key.reveal()
        return WireRequest(
            endpoint.base_url + self.info.endpoint,
            request_headers(endpoint, headers),
            request_body(
                {"model": endpoint.model, "stream": endpoint.stream, **body},
                chat,
                endpoint,
                joined=("output_config",),
            ),
            notes=moved + notes,
            prefill_cut=without_end_blanks(chat.prefill)[1] if chat.prefill else "",
        )

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, for a stream or for a whole message."""
        return decoder_for(head, stream=lambda: MessageStreamDecoder(head), body=lambda: message_body_decoder(head))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means."""
        return provider_error(head, body, rules=RULES)

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


provider = Anthropic()
