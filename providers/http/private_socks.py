"""Connections through a SOCKS5 proxy with the rules of our own pool. Imported only when a target has such a proxy."""

import asyncio
from ssl import SSLContext
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp_socks import ProxyConnector
from yarl import URL

from .connector import Line, PooledConnector
from .socks import socks_fault, socks_settings


class SocksConnector(PooledConnector, ProxyConnector):
    """aiohttp-socks' connector, with lines of ours and errors of ours."""

    def __init__(self, proxy: URL, **options: Any) -> None:
        super().__init__(**socks_settings(proxy), **options)

    async def _connect_via_proxy(
        self, host: str, port: int, ssl: SSLContext | None = None, timeout: float | None = None
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        try:
            transport, theirs = await super()._connect_via_proxy(host, port, ssl, timeout)
        except Exception as error:  # noqa: BLE001 - every error becomes ours
            failure = socks_fault(error, f"{host}:{port}")
        else:
            line = Line(self._loop)
            line.opened_by = theirs  # it holds a stream writer, which closes the connection when it is collected
            transport.set_protocol(line)
            line.connection_made(transport)
            return transport, line
        raise failure
