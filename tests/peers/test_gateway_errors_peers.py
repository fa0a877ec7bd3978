"""What is wrong with a request itself reaches the official SDKs as it does directly; and headers beside answers."""

from typing import Any, NamedTuple

import pytest
from standby.config import Config, Route

from gateway_sockets import OPEN, gateway
from sdk_clients import KEY, MODEL, SDKS, WAYS, Sdk, apart, entered, settled
from standby import ErrorKind, Target
from standby.testing import Answer, At, ErrorEvent, Failure, Script, Simulator

pytestmark = pytest.mark.usefixtures("entrance")

FAILURES = {
    "malformed": Failure(ErrorKind.BAD_REQUEST),
    "too long": Failure(ErrorKind.CONTEXT_LENGTH),
    "filtered": Failure(ErrorKind.CONTENT_FILTER),
    "with a code": Failure(ErrorKind.BAD_REQUEST, message="temperature: too hot", code="too_hot"),
    "422": Failure(ErrorKind.BAD_REQUEST, status=422, message="seed: not a number", type="validation_error"),
    "413": Failure(ErrorKind.BAD_REQUEST, status=413, message="The request is too large.", type="request_too_large"),
}
OPERATORS = {
    "credentials": (Failure(ErrorKind.AUTH, message="key sk-SECRET is wrong"), 502),
    "account": (Failure(ErrorKind.QUOTA_EXHAUSTED, message="org-SECRET has no money"), 503),
    "model": (Failure(ErrorKind.NOT_FOUND, message="no ft:SECRET here"), 502),
}
"""Of the gateway's own account: their words are for operators."""


def config(simulator: Simulator, sdk: Sdk) -> Config:
    base_url = simulator.base_url("behind") + "/v1"
    target = Target(sdk.dialect, model=MODEL, name="behind", key=KEY, base_url=base_url)
    return Config(targets={"behind": target}, routes={MODEL: Route(("behind",), all_open="fail")}, serve=OPEN)


class Raised(NamedTuple):
    """An error, as far as a program may look at it."""

    kind: str
    status: int
    message: str
    body: Any
    code: Any
    type: Any
    param: Any


async def raised(sdk: Sdk, client: Any, way: Any) -> Raised:
    try:
        await sdk.read(client, way)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
        found: Any = error
    body = found.body
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "request_id"}
    words = found.message.partition(", 'request_id'")[0].rstrip("}")
    known = (getattr(found, name, None) for name in ("code", "type", "param"))
    return Raised(type(found).__name__, found.status_code, words, body, *known)


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize("case", FAILURES)
@pytest.mark.parametrize("name", SDKS)
async def test_the_requests_own_errors(standby_simulator: Simulator, name: str, case: str, sync: bool) -> None:
    simulator, sdk = standby_simulator, SDKS[name]
    for place in ("direct", "behind"):
        simulator.play(place, FAILURES[case], dialect=sdk.dialect)

    async def compare(url: str) -> None:
        async with (
            entered(sdk.client(simulator.base_url("direct"), sync=sync)) as near,
            entered(sdk.client(url, sync=sync)) as far,
        ):
            for way in WAYS:
                assert await raised(sdk, far, way) == await raised(sdk, near, way)

    async with gateway(config(simulator, sdk)) as url:
        await (apart(compare(url)) if sync else compare(url))


@pytest.mark.parametrize("case", OPERATORS)
@pytest.mark.parametrize("name", SDKS)
async def test_an_operators_errors_are_told_in_our_words(standby_simulator: Simulator, name: str, case: str) -> None:
    sdk, (failure, status) = SDKS[name], OPERATORS[case]
    standby_simulator.play("behind", failure, dialect=sdk.dialect)
    async with gateway(config(standby_simulator, sdk)) as url, sdk.client(url) as client:
        for way in WAYS:
            found = await raised(sdk, client, way)
            assert (found.kind, found.status) == ("InternalServerError" if status != 503 else found.kind, status)
            assert "SECRET" not in str(found)


@pytest.mark.parametrize("name", SDKS)
async def test_a_client_that_asks_again_by_itself_is_told_when_not_to(standby_simulator: Simulator, name: str) -> None:
    sdk = SDKS[name]
    standby_simulator.play("behind", Failure(ErrorKind.AUTH), dialect=sdk.dialect)
    async with gateway(config(standby_simulator, sdk)) as url, sdk.client(url) as client:
        assert (await raised(sdk, client.with_options(max_retries=5), "whole")).status == 502
    asked = [exchange for exchange in standby_simulator.exchanges if exchange.request.provider == "behind"]
    assert len(asked) == 1


@pytest.mark.parametrize("name", SDKS)
async def test_an_error_in_mid_stream_raises_what_it_raises_directly(standby_simulator: Simulator, name: str) -> None:
    simulator, sdk = standby_simulator, SDKS[name]
    broken = Script(Answer("One two three four."), (ErrorEvent(At.delta(2), Failure(ErrorKind.CONTENT_FILTER)),))
    for place in ("direct", "behind"):
        simulator.play(place, broken, dialect=sdk.dialect)
    async with (
        gateway(config(simulator, sdk)) as url,
        sdk.client(simulator.base_url("direct")) as near,
        sdk.client(url) as far,
    ):
        kinds = []
        for client in (near, far):
            with pytest.raises(Exception, match=r"[Bb]locked|rejected|filter") as caught:
                await sdk.read(client, "stream")
            kinds.append(caught.type)
    assert kinds[0] is kinds[1]


@pytest.mark.parametrize("name", SDKS)
async def test_headers_are_read_beside_the_answer(standby_simulator: Simulator, name: str) -> None:
    simulator, sdk = standby_simulator, SDKS[name]
    simulator.play("behind", "Hello.", dialect=sdk.dialect)
    async with gateway(config(simulator, sdk)) as url, sdk.client(url) as client:
        ask: Any = {"model": MODEL} | ({"input": "Go."} if name == "responses" else {})
        ask |= {} if name == "responses" else {"messages": [{"role": "user", "content": "Go."}]}
        ask |= {"max_tokens": 9} if name == "messages" else {}
        resource = {"chat": lambda: client.chat.completions, "responses": lambda: client.responses}
        asked = resource.get(name, lambda: client.messages)()
        sent = {"x-request-id": "mine-1"}
        found = await settled(asked.with_raw_response.create(**ask, extra_headers=sent))
        answer = await settled(found.parse())
        assert found.headers["x-request-id"] == answer._request_id == "mine-1"
        assert found.headers["x-standby-target"] == "behind"
        assert found.headers["content-type"] == "application/json"
        assert found.retries_taken == 0
        async with asked.with_streaming_response.create(**ask, stream=True, extra_headers=sent) as streamed:
            assert streamed.headers["x-request-id"] == "mine-1"
            assert streamed.headers["content-type"].startswith("text/event-stream")
            lines = [line async for line in streamed.iter_lines()]
        assert any(line.startswith(": standby {") for line in lines)
