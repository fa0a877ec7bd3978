"""The operators' listener: counters, targets, orders; with keys of its own, or from this machine alone."""

import asyncio
import json
from collections.abc import Callable

import pytest
from standby.config import Admin as AdminSettings
from standby.config import Serve
from standby.gateway.admin import Admin
from standby.gateway.operated import OneProcess
from standby.gateway.running import admin_access

from gateway_described import hold
from gateway_play import CHAT, Playing, Seen, get, playing, post
from stage import Stage, perform, says, stage

__all__ = ["stage"]

MakeStage = Callable[..., Stage]
KEY = "k-" + "o" * 30


async def asked(
    it: Playing, method: str, path: str, body: bytes = b"", settings: Serve | None = None, **headers: str
) -> Seen:
    """What an operator sees."""
    admin = Admin(
        OneProcess(it.router),
        admin_access(settings or Serve(auth="none")),
        render=lambda: b"standby_x 1\n",
        drain=lambda: it.records.clear(),
    )
    seen = Seen()
    request = get(path, method, **headers) if method == "GET" else post(path, body, **headers)
    request.path, _, request.query = path.partition("?")
    await admin.handle(request, seen)
    hold(request.method, request.path, seen.status, dict(seen.fields), seen.body, admin=True)
    return seen


def test_a_target_is_isolated_and_restored(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"))

    async def play() -> None:
        async with playing(one) as it:
            seen = await asked(it, "GET", "/admin/targets")
            assert [target["state"] for target in seen.json["targets"]] == ["closed", "closed"]
            seen = await asked(it, "POST", "/admin/targets/a/isolate", b'{"for_s": 60}')
            assert (seen.status, seen.json["targets"][0]["state"]) == (200, "isolated")
            assert (await it.ask(CHAT)).header("x-standby-target") == "b"
            await asyncio.sleep(61)
            assert (await it.ask(CHAT)).header("x-standby-target") == "a"
            await asked(it, "POST", "/admin/targets/a/isolate")
            seen = await asked(it, "POST", "/admin/targets/a/restore")
            assert seen.json["targets"][0]["state"] == "closed"
            plan = await asked(it, "GET", "/admin/explain?route=chat")
            assert [target["target"] for target in plan.json["targets"]] == ["a", "b"]

    perform(play())


WRONG = [
    ("GET", "/admin/targets/a/isolate", b"", 405),
    ("POST", "/admin/targets", b"", 405),
    ("POST", "/health", b"", 405),
    ("GET", "/admin/drain", b"", 405),
    ("POST", "/admin/targets/nope/isolate", b"", 404),
    ("POST", "/admin/targets/a/isolate", b'{"for_s": -1}', 400),
    ("POST", "/admin/targets/a/isolate", b'{"seconds": 1}', 400),
    ("POST", "/admin/targets/a/isolate", b"{", 400),
    ("POST", "/admin/targets/a/delete", b"", 404),
    ("GET", "/admin/explain?route=nope", b"", 400),
    ("POST", "/v1/chat/completions", b"{}", 404),
    ("GET", "/", b"", 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRONG)
def test_what_makes_no_sense_changes_nothing(
    stage: MakeStage, method: str, path: str, body: bytes, status: int
) -> None:
    async def play() -> None:
        async with playing(stage(a=says("a"))) as it:
            seen = await asked(it, method, path, body)
            assert seen.status == status
            assert json.loads(seen.body)["error"]
            assert (seen.header("allow") is not None) == (status == 405)
            assert [health.state for health in it.router.health()] == ["closed"]

    perform(play())


def test_it_has_keys_of_its_own_or_is_for_this_machine_alone(stage: MakeStage) -> None:
    keyed = Serve(auth="none", admin=AdminSettings(keys=(KEY,)))

    async def play() -> None:
        async with playing(stage(a=says("a"))) as it:
            assert (await asked(it, "GET", "/metrics", settings=keyed)).status == 401
            good = await asked(it, "GET", "/metrics", settings=keyed, authorization=f"Bearer {KEY}")
            assert (good.status, good.body) == (200, b"standby_x 1\n")
            assert (await asked(it, "GET", "/metrics", host="evil.example")).status == 403
            page = await asked(it, "POST", "/admin/drain", origin="https://evil.example")
            assert page.status == 403
            assert (await asked(it, "GET", "/health", settings=keyed)).status == 200

    perform(play())


def test_it_may_ask_for_the_end(stage: MakeStage) -> None:
    async def play() -> None:
        async with playing(stage(a=says("a"))) as it:
            await it.ask(CHAT)
            assert it.records
            assert (await asked(it, "POST", "/admin/drain")).status == 202
            await asyncio.sleep(0)
            assert not it.records

    perform(play())
