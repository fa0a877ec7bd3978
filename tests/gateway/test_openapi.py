"""The gateway's description of itself is true: its paths, methods, statuses and types are those of the handlers.

Every other test that asks the service or the operators' listener in memory holds what it sees to the description, too.
"""

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from standby.config import Admin, Serve
from standby.gateway import failures, openapi, service
from standby.gateway.ingress import DIALECTS
from standby.providers import ErrorKind
from standby.providers.serving import Refused

from canaries import CANARY_KEY, assert_no_canary
from gateway_play import CHAT, KEYED, MESSAGES, RESPONSES, get, playing
from stage import Stage, perform, says, stage

__all__ = ["stage"]

ROOT = Path(__file__).parents[2]
MakeStage = Callable[..., Stage]
BOTH = [pytest.param(admin, id="operators" if admin else "clients") for admin in (False, True)]


def operations(admin: bool) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in (openapi.ADMIN if admin else openapi.CLIENTS).items():
        for method, operation in methods.items():
            if method != "parameters":
                yield path, method, operation


@pytest.mark.parametrize("admin", BOTH)
def test_each_reference_leads_somewhere_and_each_schema_is_one(admin: bool) -> None:
    document = openapi.document(keyed=True, admin=admin)
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    used = {each.partition('"')[0] for each in text.split('"#/components/schemas/')[1:]}
    assert used <= set(schemas)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    for path, method, operation in operations(admin):
        parameters = *operation.get("parameters", ()), *document["paths"][path].get("parameters", ())
        named = {each["name"] for each in parameters}
        assert set(path.replace("}", "{").split("{")[1::2]) <= named, (path, method)


def test_every_path_of_the_service_is_described_and_no_other() -> None:
    described = {path.replace("/{model}", "/x"): path for path in openapi.CLIENTS}
    for shown, path in described.items():
        methods = {method for other, method, _ in operations(admin=False) if other == path}
        taken = service._methods(shown)
        if taken is None:
            assert path in (service.HEALTH, service.READY, openapi.PATH)
            assert methods == {"get", "head"}
        else:
            assert methods == {method.lower() for method in taken} | {"options"}
    assert {*DIALECTS, service.MODELS, service.COUNT_TOKENS} <= set(openapi.CLIENTS)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
def test_every_status_that_a_failure_has_is_described_where_models_are_asked(path: str) -> None:
    answers = openapi.CLIENTS[path]["post"]["responses"]
    told = {row.status for kind, row in failures.ROWS.items() if kind is not ErrorKind.CANCELLED}
    told |= {failures._FULL.status, failures._UNFIT.status, *failures.STATUSES_OF_REQUESTS}
    assert {str(status) for status in told} <= answers.keys()
    assert set(answers["200"]["content"]) == {openapi.JSON, DIALECTS[path].stream_type}


def test_every_status_that_the_source_names_has_a_meaning() -> None:
    """Statuses stand in the source as the first argument of what refuses."""
    named = set()
    for file in sorted((ROOT / "gateway").rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and call.args and isinstance(first := call.args[0], ast.Constant):
                called = getattr(call.func, "attr", getattr(call.func, "id", ""))
                if called in ("RequestRefused", "Refused", "refused", "whole") and isinstance(first.value, int):
                    named.add(first.value)
    assert {400, 401, 403, 404, 413, 415, 417, 431, 503, 505} <= named
    assert named - {405} <= openapi.MEANINGS.keys()


BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "chat", "messages": [{"role": "user", "content": "hi"}]},
    MESSAGES: {"model": "chat", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5},
    RESPONSES: {"model": "chat", "input": "hi"},
}
VALUES: dict[str, Any] = {
    "stream": True, "temperature": 1, "top_p": 1, "tools": [], "tool_choice": "auto", "metadata": {},
    "service_tier": "default", "standby": {"targets": ["b"]}, "stream_options": {"include_usage": True},
    "max_completion_tokens": 5, "max_tokens": 5, "stop": ["x"], "seed": 1, "n": 1, "response_format": {"type": "text"},
    "reasoning_effort": "low", "logprobs": True, "store": False, "system": "be kind", "stop_sequences": ["x"],
    "top_k": 1, "thinking": {"type": "enabled", "budget_tokens": 1024}, "instructions": "be kind",
    "max_output_tokens": 5, "reasoning": {"effort": "low"}, "text": {"verbosity": "low"}, "include": [],
    "previous_response_id": None, "conversation": None, "background": False, "truncation": "disabled",
}  # fmt: skip


@pytest.mark.parametrize("path", BODIES)
def test_every_field_that_is_described_is_read_and_what_is_not_served_is_refused(path: str) -> None:
    request = openapi.CLIENTS[path]["post"]["requestBody"]["content"][openapi.JSON]["schema"]["$ref"]
    schema = openapi.document(keyed=False)["components"]["schemas"][request.rpartition("/")[2]]
    assert set(schema["required"]) == set(BODIES[path])
    for name, of in schema["properties"].items():
        asked = BODIES[path] if name in BODIES[path] else BODIES[path] | {name: VALUES[name]}
        if path == MESSAGES and name == "tool_choice":
            asked = BODIES[path] | {name: {"type": "auto"}}
        read = DIALECTS[path].read(json.dumps(asked).encode())
        assert read.carried == (), f"{name} is described as one that every target can be told"
        told = of.get("anyOf", [of])[0]
        if told.get("const") is False or told.get("type") == "null":
            with pytest.raises(Refused) as caught:
                DIALECTS[path].read(json.dumps(BODIES[path] | {name: True}).encode())
            assert caught.value.param == name
        if name in schema["required"]:
            with pytest.raises(Refused):
                DIALECTS[path].read(json.dumps({key: each for key, each in asked.items() if key != name}).encode())


def test_it_is_served_without_a_key_and_holds_nothing_of_the_configuration(stage: MakeStage) -> None:
    secret = Serve(keys=KEYED.keys, admin=Admin(keys=[CANARY_KEY]), aliases={"secret-alias": "chat"})

    async def play() -> None:
        for serve, keyed in ((secret, True), (Serve(auth="none"), False)):
            async with playing(stage(secret_target=says("x")), serve) as it:
                seen = await it.send(get("/openapi.json"))
                assert (seen.status, seen.header("content-type")) == (200, "application/json")
                assert ("security" in seen.json) == keyed
                assert b"secret" not in seen.body
                assert_no_canary(seen.body.decode())
                assert (await it.send(get("/openapi.json", "HEAD"))).status == 200
                assert (await it.send(get("/openapi.json", "POST"))).status == 405
                assert it.records == []

    perform(play())
