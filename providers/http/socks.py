"""Connections through a SOCKS5 proxy (RFC 1928), by aiohttp-socks, with the rules of our own pool.

`socks5` resolves the target's name here, `socks5h` lets the proxy do it. Imported only when a target has such a proxy.
"""

import asyncio
import socket
from ssl import SSLContext, SSLError
from typing import Any
from urllib.parse import unquote

import python_socks
from aiohttp.client_proto import ResponseHandler
from aiohttp_socks import ProxyConnector, ProxyType
from yarl import URL

from ..errors import ErrorKind, ProviderError
from .connector import Line, PooledConnector
from .exceptions import fault

_UNREACHED = {3: "network unreachable", 4: "host unreachable", 5: "refused", 6: "timed out"}
"""What a proxy says of the target (RFC 1928, 6). Every other reply is about the proxy, or its rules."""


class SocksConnector(PooledConnector, ProxyConnector):
    """aiohttp-socks' connector, with lines of ours and errors of ours."""

    def __init__(self, proxy: URL, **options: Any) -> None:
        super().__init__(
            host=proxy.host,
            port=proxy.port or 1080,
            proxy_type=ProxyType.SOCKS5,
            username=unquote(proxy.raw_user) if proxy.raw_user else None,
            password=unquote(proxy.raw_password) if proxy.raw_password else None,
            rdns=proxy.scheme == "socks5h",
            **options,
        )

    async def _connect_via_proxy(
        self, host: str, port: int, ssl: SSLContext | None = None, timeout: float | None = None
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        try:
            transport, theirs = await super()._connect_via_proxy(host, port, ssl, timeout)
        except Exception as error:  # noqa: BLE001 - every error becomes ours
            failure = self._failure(error, f"{host}:{port}")
        else:
            line = Line(self._loop)
            line.opened_by = theirs  # it holds a stream writer, which closes the connection when it is collected
            transport.set_protocol(line)
            line.connection_made(transport)
            return transport, line
        raise failure

    def _failure(self, error: Exception, where: str) -> ProviderError:
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
