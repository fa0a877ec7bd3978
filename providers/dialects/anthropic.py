"""Anthropic's Messages API, in both of its versions.

Facts: the SDK 2.12 and its model list, the pages on versioning, errors and prefill. Options of a target:
`anthropic_version`, `anthropic_beta` (names, as a list or with commas), `thinking_budget` (tokens).
"""

import re

from ..capabilities import Capabilities
from ..chat import ChatRequest
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..errors import ProviderError
from ..mapping import provider_error
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, WireRequest, capabilities_of, here
from ..turns import without_end_blanks
from .anthropic_decoder import RULES, MessageStreamDecoder, message_body_decoder
from .anthropic_request import CLASSIC_VERSION, Model, messages_body
from .anthropic_request import FIT as FIT

_ALL = Capabilities(tools=True, images=True, json_schema=True, system=True, seed=False)


def _known(**facts: object) -> Capabilities:
    return _ALL.overridden(Capabilities(**facts))  # type: ignore[arg-type]


# Prefill: the migration guide's table. Sampling: Opus 4.7 and all of generation 5 answer 400, "deprecated for this
# model"; those before take it. Structured outputs came with 4.1 and 4.5. Windows and limits: the models' overview.
_MODELS: tuple[tuple[re.Pattern[str], Model], ...] = tuple(
    (re.compile(pattern), model)
    for pattern, model in (
        (
            r"claude-3-(opus|sonnet|haiku)",
            Model(
                _known(prefill="plain", sampling=True, json_schema=False, reasoning=False, context_window=200_000),
                "none",
                4096,
            ),
        ),
        (
            r"claude-3-5-",
            Model(
                _known(prefill="plain", sampling=True, json_schema=False, reasoning=False, context_window=200_000),
                "none",
                8192,
            ),
        ),
        (
            r"claude-3-7-|claude-(opus|sonnet)-4(-0|-2025|$)",
            Model(_known(prefill="plain", sampling=True, json_schema=False, context_window=200_000), "budget"),
        ),
        (
            r"claude-opus-4-1|claude-(sonnet|opus|haiku)-4-5",
            Model(_known(prefill="plain", sampling=True, context_window=200_000), "budget"),
        ),
        (r"claude-(opus|sonnet)-4-6", Model(_known(prefill="none", sampling=True, reasoning=True))),
        (
            r"claude-opus-4-[78]|claude-(opus|sonnet|haiku|fable|mythos)-5|claude-mythos",
            Model(_known(prefill="none", sampling=False, reasoning=True)),
        ),
    )
)
_UNKNOWN = Model(_ALL)


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
    )

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model."""
        return _model(model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a Messages request.

        Raises:
            Unsupported: It asks what this dialect cannot say, see `FIT`.
        """
        version = str(endpoint.options.get("anthropic_version", CLASSIC_VERSION))
        model = _model(endpoint.model).as_known(capabilities_of(self, endpoint))
        body, notes = messages_body(chat, lambda: here(self, endpoint), model, endpoint.options, version)
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
            notes=notes,
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


def _model(name: str) -> Model:
    return next((model for pattern, model in _MODELS if pattern.match(name)), _UNKNOWN)


provider = Anthropic()
