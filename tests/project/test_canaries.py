"""The search for canaries finds them in every disguise, and the suite's guards fail a test that shows one."""

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from canaries import CANARY_COMPLETION, CANARY_KEY, CANARY_PROMPT, assert_no_canary, canaries_in

CONFTEST = Path(__file__).parent.parent / "conftest.py"
LOOP_SCOPE = "asyncio_default_fixture_loop_scope=function"
pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    "shown",
    [
        CANARY_KEY,
        CANARY_KEY[:8],
        quote(CANARY_KEY),
        quote_plus(CANARY_KEY),
        json.dumps({"key": CANARY_KEY}),
        repr({"key": CANARY_KEY}),
        base64.b64encode(CANARY_KEY.encode()).decode(),
        base64.b64encode(f"Bearer {CANARY_KEY}; more".encode()).decode(),
        base64.b64encode(f"user:{CANARY_KEY}".encode()).decode(),
        base64.urlsafe_b64encode(f"ab{CANARY_KEY}".encode()).decode(),
    ],
)
def test_a_key_is_found(shown: str) -> None:
    assert canaries_in(f"before {shown} after") == ["key"]


@pytest.mark.parametrize(("name", "canary"), [("prompt", CANARY_PROMPT), ("completion", CANARY_COMPLETION)])
@pytest.mark.parametrize("disguise", [str, repr, json.dumps, lambda text: json.dumps(text, ensure_ascii=False), quote])
def test_a_text_is_found(name: str, canary: str, disguise: object) -> None:
    assert callable(disguise)
    assert canaries_in(f"before {disguise(canary)} after") == [name]


def test_an_innocent_text_is_not_suspected() -> None:
    assert canaries_in("the canary sang: sk-***, a prompt and a completion") == []


@pytest.mark.parametrize(
    "thing",
    [
        ValueError(CANARY_KEY),
        ExceptionGroup("all failed", [ValueError(CANARY_PROMPT)]),
        {"answer": CANARY_COMPLETION},
        [CANARY_KEY[:8]],
    ],
)
def test_a_thing_that_shows_a_canary_is_refused(thing: object) -> None:
    with pytest.raises(AssertionError, match="shows the canary"):
        assert_no_canary(thing)


def test_a_canary_in_the_exception_behind_is_refused() -> None:
    try:
        try:
            raise ValueError(CANARY_KEY)
        except ValueError as cause:
            raise RuntimeError("harmless") from cause
    except RuntimeError as error:
        with pytest.raises(AssertionError, match="traceback"):
            assert_no_canary(error)


def test_a_canary_in_a_pickle_is_refused() -> None:
    class Holder:
        def __reduce__(self) -> tuple[type[str], tuple[str]]:
            return str, (CANARY_KEY,)

        def __repr__(self) -> str:
            return "Holder(***)"

    with pytest.raises(AssertionError, match="pickle"):
        assert_no_canary(Holder())


def test_what_shows_nothing_passes() -> None:
    assert_no_canary(ValueError("the key was refused"))
    assert_no_canary({"text": "fine"})


SHOWING = """
import logging, sys
import pytest, structlog
from canaries import CANARY_COMPLETION, CANARY_KEY, CANARY_PROMPT

def test_message(): logging.getLogger("some.library").debug("asked with %s", CANARY_KEY)
def test_field(): logging.getLogger("x").info("asked", extra={"prompt": CANARY_PROMPT})
def test_traceback():
    try:
        raise ValueError(CANARY_COMPLETION)
    except ValueError:
        logging.getLogger("x").exception("failed")
def test_structlog(): structlog.get_logger().debug("asked", prompt=CANARY_PROMPT)
def test_structlog_bound(): structlog.get_logger().bind(key=CANARY_KEY).debug("asked")
def test_printed_key(): print("key:", CANARY_KEY)
def test_printed_prompt(): print(CANARY_PROMPT, file=sys.stderr)

def test_printed_answer_is_fine(): print(CANARY_COMPLETION)
@pytest.mark.shows_canaries
def test_on_purpose(): logging.getLogger("x").info(CANARY_KEY); print(CANARY_KEY)
def test_unconfigured(): assert not structlog.is_configured()
"""

LEAVING = """
import asyncio, socket
import pytest

kept = []

async def test_task(): kept.append(asyncio.create_task(asyncio.sleep(3600)))
async def test_socket(): kept.append(socket.socket())

async def test_closed():
    with socket.socket():
        task = asyncio.create_task(asyncio.sleep(3600))
        task.cancel()
@pytest.fixture
async def server():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    yield server
    server.close()
    await server.wait_closed()
async def test_fixture(server): assert server.is_serving()
@pytest.mark.leaves_behind
async def test_on_purpose(): kept.append(asyncio.create_task(asyncio.sleep(3600)))
"""


@pytest.mark.shows_canaries
@pytest.mark.parametrize(("tests", "caught", "fine"), [(SHOWING, 7, 3), (LEAVING, 2, 3)], ids=["showing", "leaving"])
def test_the_guards_of_the_suite(pytester: pytest.Pytester, tests: str, caught: int, fine: int) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(canaries=(CONFTEST.parent / "support" / "canaries.py").read_text(), test_guarded=tests)
    result = pytester.runpytest_subprocess("-p", "no:standby", "-o", "asyncio_mode=auto", "-o", LOOP_SCOPE)
    # The guards look after a test, so each error stands beside the success of the test itself.
    result.assert_outcomes(errors=caught, passed=caught + fine)
