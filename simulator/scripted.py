"""A simulated provider in the registry, so that tests of users name it like any other.

with registered(ScriptedProvider("fake", simulator.base_url("fake"))):
    Router(["fake"])
"""

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from ..providers import registry
from ..providers.capabilities import Capabilities
from ..providers.chat import ChatRequest
from ..providers.errors import ProviderError
from ..providers.provider import Decoder, Endpoint, Provider, ResponseHead, WireRequest


class ScriptedProvider:
    """A provider under a name of its own that speaks a built-in dialect to `base_url`, and needs no key.

    Args:
        name: Its name in the registry.
        base_url: Its address: `Simulator.base_url(…)`.
        dialect: The name of the provider with the same wire format.
        capabilities: Capabilities of its models; None: those of that provider.
    """

    def __init__(
        self, name: str, base_url: str, *, dialect: str = "openai", capabilities: Capabilities | None = None
    ) -> None:
        self._speaker: Provider = registry.get(dialect)
        self._capabilities = capabilities
        self.name = name
        self.info = msgspec.structs.replace(
            self._speaker.info,
            title=f"{name} (simulated)",
            base_url=base_url,
            key_env=None,
            key_required=False,
            default_model="simulated-1",
            working=True,
        )

    def capabilities(self, model: str) -> Capabilities:
        return self._speaker.capabilities(model) if self._capabilities is None else self._capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        return self._speaker.build_request(chat, endpoint)

    def decoder(self, head: ResponseHead) -> Decoder:
        return self._speaker.decoder(head)

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        return self._speaker.error_for(head, body)


@contextmanager
def registered(provider: Provider) -> Generator[Provider, None, None]:
    """Have a provider in the registry while the block lasts.

    Raises:
        ValueError: Its name is taken.
    """
    registry.register(provider)
    try:
        yield provider
    finally:
        registry.unregister(provider.name)
