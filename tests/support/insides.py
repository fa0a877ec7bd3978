"""What tests look at of a transport that users cannot see."""

from standby.providers.http.body import Body
from standby.providers.http.connector import PooledConnector
from standby.providers.http.exchange import HttpExchange
from standby.providers.http.private_way import PrivateWay
from standby.providers.http.transport import HttpTransport


def private_way_of(transport: HttpTransport) -> PrivateWay:
    """Its way by aiohttp's insides."""
    assert isinstance(transport._way, PrivateWay)
    return transport._way


def pool_of(transport: HttpTransport) -> PooledConnector:
    """Its own connections."""
    pool = private_way_of(transport).pool
    assert pool is not None
    return pool


def waiting_bytes(exchange: HttpExchange) -> int:
    """So much of its body has come and was not taken."""
    return sum(map(len, exchange._content.buffer))


def is_paused(exchange: HttpExchange) -> bool:
    """Does its connection take no more for now?"""
    return exchange.line is not None and exchange.line._reading_paused


def ended_chunks(exchange: HttpExchange) -> int:
    """How many HTTP chunks of its body have ended since bytes were taken last."""
    content = exchange._content
    assert isinstance(content, Body)
    return len(content._reader._http_chunk_splits or ())
