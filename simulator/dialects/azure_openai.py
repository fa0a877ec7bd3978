"""Azure OpenAI as it differs from OpenAI: content filters among the chunks, deployments in the path, its own errors.

The shapes follow the recorded responses of the wire reference (azure-openai).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from ...providers.errors import ErrorKind
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, event, hint_headers
from .openai import OpenAIChat

_SAFE = {"hate": {"filtered": False, "severity": "safe"}, "violence": {"filtered": False, "severity": "safe"}}

_ERRORS: dict[ErrorKind, dict[str, Any]] = {
    ErrorKind.RATE_LIMITED: {
        "code": "429",
        "message": "Requests to the ChatCompletions_Create Operation have exceeded token rate limit.",
    },
    ErrorKind.NOT_FOUND: {
        "code": "DeploymentNotFound",
        "message": "The API deployment for this resource does not exist.",
    },
    ErrorKind.AUTH: {
        "code": "401",
        "message": "Access denied due to invalid subscription key or wrong API endpoint.",
    },
    ErrorKind.CONTENT_FILTER: {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _SAFE},
    },
}
"""Kinds with bodies other than OpenAI's."""


class AzureOpenAI(OpenAIChat):
    """The dialect `azure-openai`."""

    name = "azure-openai"

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        reading = super().read(headers, path, body)
        _, found, below = path.partition("/deployments/")
        return msgspec.structs.replace(reading, model=unquote(below.partition("/")[0])) if found else reading

    def headers(self, request: Request) -> Mapping[str, str]:
        return {"apim-request-id": f"simulated-{request.number}", "x-ms-region": "East US"}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        nobody = {"id": "", "object": "", "created": 0, "model": ""}
        prompt = {
            **nobody,
            "choices": [],
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}],
        }
        verdict = {"index": 0, "finish_reason": None, "content_filter_results": _SAFE, "content_filter_offsets": {}}
        frames = super().frames(answer, request)
        ending = next(index for index, frame in enumerate(frames) if frame.part == "finish")
        frames.insert(ending, Frame(event({**nobody, "choices": [verdict]}), "delta"))  # a choice without a delta
        return [Frame(event(prompt), "opening"), *frames]

    def refusal(self, failure: Failure) -> Page:
        usual = super().refusal(failure)
        known = _ERRORS.get(failure.kind)
        if known is None:
            return usual
        error = known | ({"message": failure.message} if failure.message else {})
        error |= {"code": failure.code} if failure.code is not None else {}
        return Page(msgspec.json.encode({"error": error}), usual.status, "application/json", hint_headers(failure))


azure_openai = AzureOpenAI()
