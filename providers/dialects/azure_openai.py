"""Azure OpenAI: the OpenAI chat protocol below a resource's own address, with deployments in place of models.

Facts: the official SDK and recordings. There are two ways in: a dated API with the deployment in the path, chosen by
the option `api_version`, and `/openai/v1` without it. A key goes into `api-key`; a token of Entra ID, announced by the
option `entra`, is a bearer token. Content filters speak through the code `content_filter` and through chunks without a
delta; both are read by what all speakers of the protocol share.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..capabilities import Capabilities
from ..chat import ChatRequest
from ..errors import ProviderError
from ..knowledge import known
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, WireRequest
from ..quirks import BY_OPENAI, SETTABLE, Quirks
from .openai import OpenAIChat

_DATED_PATH = "/openai/deployments/{model}/chat/completions"
_V1_PATH = "/openai/v1/chat/completions"


class AzureOpenAI:
    """The provider `azure-openai`. The model of a target is the name of a deployment."""

    name = "azure-openai"
    info = ProviderInfo(
        title="Azure OpenAI",
        dialect="openai",
        site_url="https://learn.microsoft.com/azure/ai-foundry/openai",
        base_url=None,
        endpoint=_V1_PATH,
        key_env="AZURE_OPENAI_API_KEY",
        note="base_url is https://RESOURCE.openai.azure.com. Options: api_version for the dated API; entra: true when"
        " the key is a token of Entra ID.",
        options=("api_version", "entra"),
        quirks=SETTABLE,
    )

    def __init__(self) -> None:
        self._ways = {(dated, entra): self._way(dated, entra) for dated in (False, True) for entra in (False, True)}

    def _way(self, dated: bool, entra: bool) -> OpenAIChat:
        quirks = Quirks(
            path=_DATED_PATH if dated else _V1_PATH,
            option_query={"api_version": "api-version"} if dated else {},
            key_header="authorization" if entra else "api-key",
            key_prefix="Bearer " if entra else "",
            refusal_field=True,
            says=BY_OPENAI,
        )
        return OpenAIChat(self.name, self.info, quirks=quirks)

    def capabilities(self, model: str) -> Capabilities:
        """What is known of every deployment: its name does not tell its model."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into the chat protocol.

        Raises:
            Unsupported: It asks what cannot be said.
        """
        options = endpoint.options
        resource = endpoint.base_url.removesuffix("/v1").removesuffix("/openai")  # as other clients want it written
        endpoint = msgspec.structs.replace(endpoint, base_url=resource)
        return self._ways["api_version" in options, bool(options.get("entra"))].build_request(chat, endpoint)

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, of the stream or of a whole answer."""
        return self._ways[False, False].decoder(head)

    def decoder_by(self, given: Mapping[str, Any]) -> Callable[[ResponseHead], Decoder]:
        """What makes the decoders of a target with quirks of its own."""
        return self._ways[False, False].decoder_by(given)

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means."""
        return self._ways[False, False].error_for(head, body)


provider = AzureOpenAI()
