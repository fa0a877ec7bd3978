"""Anthropic's Messages API, in both of its versions.

Facts: the SDK 2.12 and its model list, the pages on versioning, errors and prefill. Options of a target:
`anthropic_version`, `anthropic_beta` (names, as a list or with commas), `thinking_budget` (tokens), `auth`, `vertex`.
Claude on Google's Vertex AI has the model in the URL and the version in the body; on Microsoft's Foundry it is the same
API at another address.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

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
from ..turns import without_end_blanks
from ..vertex import place_of, vertex_key, vertex_problem
from .anthropic_decoder import RULES, MessageStreamDecoder, message_body_decoder
from .anthropic_request import CLASSIC_VERSION, messages_body
from .anthropic_request import FIT as FIT

VERTEX_VERSION = "vertex-2023-10-16"
OAUTH_BETA = "oauth-2025-04-20"
_OAUTH_TOKEN = "sk-ant-oat"  # noqa: S105 - how such tokens begin


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
        options=("anthropic_version", "anthropic_beta", "thinking_budget", "auth", "vertex"),
        quirks=TURNS,
    )

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model."""
        return known(self.name, model.replace("@", "-")).capabilities  # on Vertex AI: claude-haiku-4-5@20251001

    def key_source(self, options: Mapping[str, Any], environment: Mapping[str, str]) -> GoogleToken | None:
        """How a target without a key finds one: on Vertex AI, as Google's library does; None: by its variable."""
        return vertex_key(options)

    def options_problem(self, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of a target's options; None when nothing is."""
        return vertex_problem(options)

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a Messages request.

        Raises:
            Unsupported: It asks what this dialect cannot say, see `FIT`.
        """
        vertex = endpoint.options.get("vertex")
        version = str(endpoint.options.get("anthropic_version", CLASSIC_VERSION))
        facts = facts_for(self, endpoint)
        chat, moved = fitted(chat, facts)
        body, notes = messages_body(chat, lambda: here(self, endpoint), facts, endpoint.options, version)
        betas = endpoint.options.get("anthropic_beta") or ()
        betas = betas.split(",") if isinstance(betas, str) else [str(name) for name in betas]
        if vertex:
            url, asked = self._vertex_url(endpoint, vertex), {"anthropic_version": VERTEX_VERSION}
            headers = {} if endpoint.key is None else {"authorization": f"Bearer {endpoint.key.reveal()}"}
        else:
            url, asked = _with_version(endpoint.base_url) + self.info.endpoint, {"model": endpoint.model}
            headers = {"anthropic-version": version, **_credentials(endpoint, betas)}
        if betas:
            headers["anthropic-beta"] = ",".join(betas)
        return WireRequest(
            url,
            request_headers(endpoint, headers),
            request_body({**asked, "stream": endpoint.stream, **body}, chat, endpoint, joined=("output_config",)),
            notes=moved + notes,
            prefill_cut=without_end_blanks(chat.prefill)[1] if chat.prefill else "",
        )

    def _vertex_url(self, endpoint: Endpoint, vertex: object) -> str:
        """The address at the location's own host, unless the target names another."""
        own = None if endpoint.base_url == self.info.base_url else endpoint.base_url
        method = "streamRawPredict" if endpoint.stream else "rawPredict"
        return f"{place_of(vertex).url('v1', own, 'anthropic')}/{quote(endpoint.model, safe='@')}:{method}"

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, for a stream or for a whole message."""
        return decoder_for(head, stream=lambda: MessageStreamDecoder(head), body=lambda: message_body_decoder(head))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means."""
        return provider_error(head, body, rules=RULES)

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


def _with_version(base_url: str) -> str:
    """A base URL as the official SDK and Microsoft's pages want it, without the version that the SDK adds."""
    path = urlsplit(base_url).path
    return base_url if path and not path.endswith("/anthropic") else f"{base_url}/v1"


def _credentials(endpoint: Endpoint, betas: list[str]) -> dict[str, str]:
    """The header with the key: a token of OAuth goes as a bearer's, and needs a beta; any other, if the target says so.

    Args:
        betas: Gets the name of what a token of OAuth needs.
    """
    if endpoint.key is None:
        return {}
    key = endpoint.key.reveal()
    is_token = key.startswith(_OAUTH_TOKEN)
    if is_token and OAUTH_BETA not in betas:
        betas.append(OAUTH_BETA)
    if is_token or endpoint.options.get("auth") == "bearer":
        return {"authorization": f"Bearer {key}"}
    return {"x-api-key": key}


provider = Anthropic()
