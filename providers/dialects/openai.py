"""The OpenAI chat protocol (`/chat/completions`): OpenAI itself, and the class that its many speakers are rows of.

Facts: OpenAI's API reference and SDK. What differs elsewhere is data: a `ProviderInfo` and `Quirks` make another
provider of the same class, and what is known of its models stands in `knowledge`, or in rows of capabilities.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from ..capabilities import Capabilities
from ..chat import ChatRequest
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..errors import ProviderError
from ..fitting import facts_for, fitted
from ..knowledge import known
from ..mapping import provider_error
from ..messages import plain_question
from ..origin import Origin
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, Unsupported, WireRequest, here
from ..quirks import BY_OPENAI, SETTABLE, Quirks, quirks_with
from .openai_body_decoder import ChatBodyDecoder
from .openai_decoder import ChatStreamDecoder
from .openai_empty import EmptyStreamDecoder
from .openai_request import chat_body, question_body
from .openai_think import ThinkTagDecoder

ModelRows = tuple[tuple[str, Capabilities], ...]
"""Regular expressions that a model's name begins with, and what is known of such models; the first row counts."""


MODELS_KEPT = 256
"""Maximum models whose capabilities are cached: every request asks for those of its model."""


class OpenAIChat:
    """A provider that speaks the OpenAI chat protocol.

    Args:
        name: Its name in the registry.
        info: What the registry shows of it.
        quirks: Where it differs from OpenAI, beside what `knowledge` has.
        capabilities: What holds for all its models; what `knowledge` has wins.
        models: What holds for some of them, over that.
    """

    def __init__(
        self,
        name: str,
        info: ProviderInfo,
        *,
        quirks: Quirks | None = None,
        capabilities: Capabilities | None = None,
        models: ModelRows = (),
    ) -> None:
        self.name = name
        self._quirks = quirks = quirks or Quirks()
        options = (*quirks.option_headers, *quirks.option_query) if info.options is None else info.options
        self.info = msgspec.structs.replace(info, options=options, quirks=info.quirks or SETTABLE)
        self._capabilities = capabilities or Capabilities()
        self._models = tuple((re.compile(pattern), known) for pattern, known in models)
        self._has_own = bool(models) or self._capabilities != Capabilities()
        self._told = lru_cache(MODELS_KEPT)(self._look_up)

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model."""
        return self._told(model) if self._has_own else known(self.name, model).capabilities

    def _look_up(self, model: str) -> Capabilities:
        told = self._capabilities
        for pattern, more in self._models:
            if pattern.match(model):
                told = told.overridden(more)
                break
        return told.overridden(known(self.name, model).capabilities)

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into the chat protocol.

        Raises:
            Unsupported: It asks what this speaker cannot say, or more than one answer.
        """
        if (chat.extra or endpoint.body) and chat.extra.get("n", endpoint.body.get("n")) not in (None, 1):
            raise Unsupported("n: a stream of several answers")
        facts = facts_for(self, endpoint, self._quirks)
        quirks = facts.quirks
        url, headers, origin = endpoint.kept.get(self.name) or self._addressed(endpoint, quirks)
        if (question := plain_question(chat)) is not None:  # every model takes it as it is
            whole = request_body(question_body(question, facts, stream=endpoint.stream), chat, endpoint)
            return WireRequest(url, headers, whole, lasting=True)
        chat, moved = fitted(chat, facts)
        body, notes = chat_body(chat, facts, here=origin, stream=endpoint.stream)
        if chat.prefill is not None and quirks.prefill is not None and quirks.prefill.path is not None:
            url = self._url(quirks.prefill.path, endpoint)
        return WireRequest(url, headers, request_body(body, chat, endpoint), notes=moved + notes, lasting=True)

    def decoder(self, head: ResponseHead, quirks: Quirks | None = None) -> Decoder:
        """A fresh decoder, for a stream or for a whole answer.

        Args:
            quirks: Of the target's own server; None: this speaker's.
        """
        quirks = quirks or self._quirks
        decoder = decoder_for(
            head,
            stream=ChatStreamDecoder,
            body=ChatBodyDecoder,
            given=(head, quirks.rules),
        )
        silent = quirks.empty_if_too_long
        if silent is not None and head.headers.get("server", "").lower().startswith(silent):
            decoder = EmptyStreamDecoder(decoder)
        return ThinkTagDecoder(decoder) if quirks.think_tags else decoder

    def decoder_by(self, given: Mapping[str, Any]) -> Callable[[ResponseHead], Decoder]:
        """What makes the decoders of a target with quirks of its own."""
        return partial(self.decoder, quirks=quirks_with(self._quirks, given))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means."""
        return provider_error(head, body, rules=self._quirks.rules)

    def _addressed(self, endpoint: Endpoint, quirks: Quirks) -> tuple[str, Mapping[str, str], Callable[[], Origin]]:
        """Where an endpoint is asked, with which headers, and what gives its origin: kept, as nearly every request has
        the same."""
        own = _options(endpoint, quirks.option_headers)
        if endpoint.key is not None:
            own[quirks.key_header] = quirks.key_prefix + endpoint.key.reveal()
        found = self._url(quirks.path, endpoint), request_headers(endpoint, own), partial(here, self, endpoint)
        endpoint.kept[self.name] = found
        return found

    def _url(self, path: str, endpoint: Endpoint) -> str:
        if "{model}" in path:
            path = path.replace("{model}", quote(endpoint.model, safe=""))
        query = _options(endpoint, self._quirks.option_query)
        return endpoint.base_url + path + (f"?{urlencode(query)}" if query else "")

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


def _options(endpoint: Endpoint, names: Mapping[str, str]) -> dict[str, str]:
    """The target's options, under the names that they have on the wire."""
    options = endpoint.options
    return {wire: str(options[option]) for option, wire in names.items() if option in options} if options else {}


provider = OpenAIChat(
    "openai",
    ProviderInfo(
        title="OpenAI",
        dialect="openai",
        site_url="https://platform.openai.com",
        base_url="https://api.openai.com/v1",
        endpoint="/chat/completions",
        key_env="OPENAI_API_KEY",
        default_model="gpt-5-mini",
    ),
    quirks=Quirks(
        option_headers={"organization": "openai-organization", "project": "openai-project"},
        refusal_field=True,
        says=BY_OPENAI,
    ),
)
