"""A WSGI service with forked workers:  gunicorn --workers 4 examples.gunicorn_app:app"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from standby import CallFailed

from .prefork import worker


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answers the question in the request's body."""
    question = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))["question"]
    try:
        answer = worker.complete(question, route="chat")
    except CallFailed as failure:
        status, body = "503 Service Unavailable", {"error": failure.kind.value}
    else:
        status, body = "200 OK", {"text": answer.text, "target": answer.target}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]
