"""Holds what a gateway answers to its own description: `/openapi.json`."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from standby.gateway import openapi


def path_of(paths: Mapping[str, Any], path: str) -> str | None:
    """The described path that a request's path is one of."""
    if path in paths:
        return path
    for each in paths:
        if "{" in each and re.fullmatch(re.sub(r"\\?\{\w+\\?\}", ".+", re.escape(each)), path):
            return each
    return None


@cache
def _validator(admin: bool, schema: str) -> Draft202012Validator:
    document = openapi.document(keyed=True, admin=admin)
    return Draft202012Validator({"components": document["components"], **json.loads(schema)})


def hold(method: str, path: str, status: int, fields: Mapping[str, str], body: bytes, *, admin: bool = False) -> None:
    """Fail unless the description says that this may be answered."""
    paths = openapi.ADMIN if admin else openapi.CLIENTS
    described = path_of(paths, path)
    operation = None if described is None else paths[described].get(method.lower())
    if operation is None:
        assert status in ((401, 403, 404, 405) if admin else (404, 405)), f"{method} {path} is {status}, not described"
        return
    answer = operation["responses"].get(str(status))
    assert answer is not None, f"{method} {path} may not be answered with {status}"
    kind = fields.get("content-type", "").partition(";")[0]
    if "content" not in answer:
        assert not body, f"{method} {path} has a body with {status}"
        return
    assert kind in answer["content"], f"{method} {path} may not be answered in {kind}"
    if kind == openapi.JSON and method != "HEAD":
        schema = answer["content"][kind]["schema"]
        errors = [error.message for error in _validator(admin, json.dumps(schema)).iter_errors(json.loads(body))]
        assert not errors, f"{method} {path}, {status}: {errors[0]}"
