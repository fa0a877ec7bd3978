"""The second listener, for operators: counters, the state of targets, and what may be done about them.

It has keys of its own, or none on loopback. What it does is the business of what it operates: one process, or several.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from ..config.errors import ConfigError
from ..providers.errors import InvalidRequest
from . import openapi
from .access import Access
from .heads import JSON
from .http import Fields, Reply, Request, RequestRefused
from .operated import Operated, OrderRefused
from .refused import Refused
from .state import Action
from .state_file import StateError

METRICS: Fields = (("content-type", "text/plain; version=0.0.4; charset=utf-8"),)
HEALTH, METRICS_PATH = "/health", "/metrics"
TARGETS, EXPLAIN, DRAIN = "/admin/targets", "/admin/explain", "/admin/drain"

_GET, _POST = frozenset(("GET", "HEAD")), frozenset(("POST",))


class Admin:
    """Answers operators.

    Args:
        operated: What they operate.
        access: Lets them in.
        render: Gives the counters as text; None: they are not counted.
        drain: Asks the gateway to end, as SIGTERM does.
    """

    def __init__(
        self,
        operated: Operated,
        access: Access,
        *,
        render: Callable[[], bytes] | None = None,
        drain: Callable[[], None],
    ) -> None:
        self._operated, self._access = operated, access
        self._render, self._drain = render, drain

    async def handle(self, request: Request, reply: Reply) -> None:
        """Answer a request."""
        path, method = request.path, request.method
        if path == HEALTH and method in _GET:
            await reply.whole(200, JSON, b'{"status":"ok"}')
            return
        client = self._access.enter(request)
        if isinstance(client, Refused):
            await _say(reply, client.status, {"error": client.message}, client.fields)
            return
        methods = _methods(path)
        if methods is not None and method not in methods:
            allowed = ", ".join(sorted(methods))
            await _say(reply, 405, {"error": f"this path takes {allowed}"}, (("allow", allowed),))
            return
        try:
            status, told = await self._answer(path, request)
        except (ConfigError, InvalidRequest) as wrong:
            status, told = 400, {"error": str(wrong)}
        except RequestRefused as refused:
            status, told = refused.status, {"error": refused.reason}
        except OrderRefused as refused:
            status, told = refused.status, {"error": str(refused)}
        except StateError as broken:
            status, told = 503, {"error": str(broken)}
        if isinstance(told, bytes):
            await reply.whole(status, METRICS, told)
        else:
            await _say(reply, status, told)

    async def _answer(self, path: str, request: Request) -> tuple[int, Any]:
        if path == METRICS_PATH:
            if self._render is None:
                return 501, {"error": "nothing is counted: pip install 'standby[prometheus]'"}
            return 200, self._render()
        if path == openapi.PATH:
            return 200, openapi.document(keyed=self._access.asks_for_keys, admin=True)
        if path == TARGETS:
            return 200, {"targets": await self._operated.targets()}
        if path == EXPLAIN:
            route = parse_qs(request.query).get("route", [None])[0]
            return 200, await self._operated.explain(route)
        if path == DRAIN:
            asyncio.get_running_loop().call_soon(self._drain)
            return 202, {"status": "draining"}
        if (asked := _target_in(path)) is not None:
            return await self._change(*asked, request)
        return 404, {"error": "there is nothing here"}

    async def _change(self, target: str, action: Action, request: Request) -> tuple[int, Any]:
        for_s = _for_s(await request.read()) if action == "isolate" else None
        await self._operated.order(target, action, for_s)
        return 200, {"targets": [each for each in await self._operated.targets() if each["target"] == target]}


def _methods(path: str) -> frozenset[str] | None:
    """The methods that a path takes; None: there is nothing."""
    if path in (HEALTH, METRICS_PATH, openapi.PATH, TARGETS, EXPLAIN):
        return _GET
    return _POST if path == DRAIN or _target_in(path) is not None else None


def _target_in(path: str) -> tuple[str, Action] | None:
    """The target that a path names, and what is to become of it."""
    if not path.startswith(TARGETS + "/"):
        return None
    target, _, action = unquote(path.removeprefix(TARGETS + "/")).rpartition("/")
    if not target or action not in ("isolate", "restore"):
        return None
    return target, "isolate" if action == "isolate" else "restore"


def _for_s(body: bytes) -> float | None:
    """How long a target is to be isolated; None: until it is restored.

    Raises:
        ConfigError: The body says something else.
    """
    if not body.strip():
        return None
    try:
        asked = msgspec.json.decode(body, type=dict[str, float])
    except msgspec.DecodeError:
        raise ConfigError('the body is {"for_s": SECONDS}, or empty') from None
    if asked.keys() - {"for_s"}:
        raise ConfigError("the body takes for_s alone")
    return asked.get("for_s")


async def _say(reply: Reply, status: int, told: Mapping[str, Any], fields: Fields = ()) -> None:
    await reply.whole(status, (*JSON, ("cache-control", "no-store"), *fields), msgspec.json.encode(told))
