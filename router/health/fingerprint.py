"""The fingerprint of a request: shows whether two failed calls asked the same. Keyed, so that it reveals nothing."""

import hashlib
import secrets

import msgspec

from ...providers.chat import ChatRequest
from ...providers.opaque import Opaque

_KEY = secrets.token_bytes(16)
"""Of this process alone: no table of prompts leads back from a fingerprint to one."""
_BYTES = 8


class Fingerprint(Opaque):
    """The fingerprint of one request: of what may break a target, its messages, tools and response format.

    It is found out when it is asked for first, which is after a failure: a healthy call never pays for it.
    """

    _chat: ChatRequest
    _found: bytes = b""

    def __call__(self) -> bytes:
        if not self._found:
            chat = self._chat
            asked = msgspec.json.encode((chat.messages, chat.tools, chat.response_format))
            self._found = hashlib.blake2b(asked, key=_KEY, digest_size=_BYTES).digest()
        return self._found
