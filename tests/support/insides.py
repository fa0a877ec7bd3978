"""What tests look at of a transport that users cannot see."""

from standby.providers.http.body import Body
from standby.providers.http.connector import PooledConnector
from standby.providers.http.exchange import Exchange
from standby.providers.http.private_way import PrivateWay
from standby.providers.http.transport import Transport


def private_way_of(transport: Transport) -> PrivateWay:
    """Its way by aiohttp's insides."""
    assert isinstance(transport._way, PrivateWay)
    return transport._way


def pool_of(transport: Transport) -> PooledConnector:
    """Its own connections."""
    pool = private_way_of(transport).pool
    assert pool is not None
    return pool


def waiting_bytes(exchange: Exchange) -> int:
    """So much of its body has come and was not taken."""
    return sum(map(len, exchange._content.buffer))


def is_paused(exchange: Exchange) -> bool:
    """Does its connection take no more for now?"""
    return exchange.line is not None and exchange.line._reading_paused


def ended_chunks(exchange: Exchange) -> int:
    """How many HTTP chunks of its body have ended since bytes were taken last."""
    content = exchange._content
    assert isinstance(content, Body)
    return len(content._reader._http_chunk_splits or ())
