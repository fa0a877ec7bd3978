"""The two ways to use aiohttp, for tests that hold on both."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias, get_args

import pytest
from standby.providers.http import privates

Way: TypeAlias = Literal["private", "public"]
WAYS: tuple[Way, ...] = get_args(Way)


@contextmanager
def unknown_release() -> Iterator[None]:
    """The installed release is not among those that were tested: every transport takes the public way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(privates, "TESTED", ())
        patch.setattr(privates, "_FOUND", {})
        patch.setattr(privates._Told, "public_way", True)  # told once, and not looked at here
        yield


def taken() -> bool:
    """Was the public way taken since?"""
    return any(why is not None for why in privates._FOUND.values())
