"""SOCKS5 proxies (RFC 1928), by aiohttp-socks: how they are asked, and what their failures mean.

`socks5` resolves the target's name here, `socks5h` lets the proxy do it. Imported only when a target has such a proxy.
"""

import socket
from ssl import SSLError
from typing import Any
from urllib.parse import unquote

import aiohttp
import python_socks
from aiohttp_socks import ProxyConnector, ProxyType
from yarl import URL

from ..errors import ErrorKind, ProviderError
from .exceptions import fault

_UNREACHED = {3: "network unreachable", 4: "host unreachable", 5: "refused", 6: "timed out"}
"""What a proxy says of the target (RFC 1928, 6). Every other reply is about the proxy, or its rules."""

_KNOWN = (
    python_socks.ProxyConnectionError,
    python_socks.ProxyTimeoutError,
    python_socks.ProxyError,
    socket.gaierror,
    SSLError,
)


def socks_settings(proxy: URL) -> dict[str, Any]:
    """What aiohttp-socks' connector is made of."""
    return {
        "host": proxy.host,
        "port": proxy.port or 1080,
        "proxy_type": ProxyType.SOCKS5,
        "username": unquote(proxy.raw_user) if proxy.raw_user else None,
        "password": unquote(proxy.raw_password) if proxy.raw_password else None,
        "rdns": proxy.scheme == "socks5h",
    }


def socks_connector(proxy: URL, **options: Any) -> aiohttp.TCPConnector:
    """aiohttp-socks' own connector."""
    return ProxyConnector(**socks_settings(proxy), **options)


def socks_fault(error: BaseException, where: str) -> ProviderError:
    """Our error for one from connecting through the proxy."""
    match error:
        case python_socks.ProxyConnectionError():
            return ProviderError(ErrorKind.CONNECT, "no connection to the SOCKS proxy", local=True)
        case python_socks.ProxyTimeoutError():
            return ProviderError(ErrorKind.CONNECT, f"no connection to {where} through the SOCKS proxy in time")
        case python_socks.ProxyError(error_code=code) if code in _UNREACHED:
            words = f"the SOCKS proxy has no connection to {where} ({_UNREACHED[code]})"
            return ProviderError(ErrorKind.CONNECT, words)
        case socket.gaierror():
            return ProviderError(ErrorKind.DNS, f"the name of {where} cannot be resolved")
        case SSLError():
            return fault(error, where)
        case _:  # it refused, broke off, or is no SOCKS proxy
            words = f"the SOCKS proxy did not connect us to {where}; check its user, password and rules"
            return ProviderError(ErrorKind.CONNECT, words, local=True)


def socks_fault_within(error: Exception, where: str) -> ProviderError:
    """Our error for one from connecting through the proxy that aiohttp may have wrapped."""
    root: BaseException = error
    while not isinstance(root, _KNOWN) and root.__cause__ is not None:
        root = root.__cause__
    if isinstance(error, TimeoutError) and not isinstance(root, _KNOWN):
        return fault(error, where)
    return socks_fault(root, where)
