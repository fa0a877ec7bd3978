"""A handler's answer where no connection has to be looked after: what it raises becomes an answer, or an end."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from ..http import ClientGone, Handler, Reply, Request, RequestRefused
from .rendering import JSON, refusal_body

Note: TypeAlias = Callable[[str, BaseException | None], None]
"""Told what became of a request or connection without the handler: `fault`, with the exception, and `refused`; by a
server of sockets also `connections_full`, `head_timeout`, `in_flight_full`, `malformed`, `stalled`."""


def no_note(what: str, error: BaseException | None) -> None:
    """Do nothing."""


async def answer(handler: Handler, request: Request, reply: Reply, note: Note = no_note) -> None:
    """Let the handler answer. A bug of the gateway's costs one answer, and is told."""
    try:
        await handler(request, reply)
    except ClientGone:
        return
    except RequestRefused as refused:
        note("refused", None)
        await _refuse(refused, reply)
    except Exception as error:  # noqa: BLE001 - as above
        note("fault", error)
        await _refuse(RequestRefused(500, "The gateway failed to answer."), reply)


async def _refuse(refused: RequestRefused, reply: Reply) -> None:
    if not reply.started:
        with suppress(ClientGone):
            await reply.whole(refused.status, (*JSON, *refused.fields), refusal_body(refused))
