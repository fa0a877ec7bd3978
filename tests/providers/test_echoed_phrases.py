"""What a caller wrote is never taken for a provider's verdict: each phrase of the tables, as each dialect"
" repeats it."""

import json

import pytest
from standby.providers import registry
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.mapping import stream_error
from standby.providers.provider import ResponseHead
from standby.providers.refusals.quoted import MAX_SAID, without_quotations
from standby.simulator.dialects.binary import frame

from components import need
from echoes_of_callers import ECHOES, body, cases, echoed, phrases

PHRASES = phrases()
HARMLESS = "get_weather"
JSON = {"content-type": "application/json"}


def refused(provider: str, message: str, status: int) -> ProviderError:
    return registry.get(provider).error_for(ResponseHead(status, JSON), body(provider, message))


def test_every_provider_repeats_something() -> None:
    assert set(ECHOES) == set(registry.names())


def test_there_is_a_phrase_for_each_row() -> None:
    assert len(PHRASES) > 250
    assert {"insufficient quota", "context length exceeded", "contentexistsrisk", "rate limit"} & set(PHRASES)


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(("provider", "template"), cases())
def test_a_phrase_that_is_repeated_changes_nothing(provider: str, template: str, status: int) -> None:
    plain = refused(provider, echoed(template, HARMLESS), status)
    assert plain.kind in (ErrorKind.BAD_REQUEST, ErrorKind.SERVER_ERROR), "the template itself says something"
    for phrase in PHRASES:
        error = refused(provider, echoed(template, phrase), status)
        assert (error.kind, error.alerts, error.retry_after_s) == (plain.kind, False, None), phrase
        assert not error.disposition.parks


@pytest.mark.parametrize(("provider", "template"), cases())
def test_nor_does_it_inside_an_answer(provider: str, template: str) -> None:
    plain = stream_error(json.loads(body(provider, echoed(template, HARMLESS))), ResponseHead(200, JSON))
    for phrase in PHRASES:
        error = stream_error(json.loads(body(provider, echoed(template, phrase))), ResponseHead(200, JSON))
        assert (error.kind, error.alerts, error.retry_after_s) == (plain.kind, False, None), phrase


def framed(provider: str, message: str, *, begun: bool) -> tuple[ResponseHead, list[bytes]]:
    """An error where a piece of the answer should be, framed as the provider's own streams are."""
    said = json.loads(body(provider, message))
    match registry.get(provider).info.dialect:
        case "bedrock":
            about = {":message-type": "exception", ":exception-type": "validationException"}
            framed_whole = frame(about | {":content-type": "application/json"}, json.dumps(said).encode())
            return ResponseHead(200, {"content-type": "application/vnd.amazon.eventstream"}), [framed_whole]
        case "ollama":
            opening = [b'{"message":{"role":"assistant","content":"Hi"},"done":false}\n'] if begun else []
            return ResponseHead(200, {"content-type": "application/x-ndjson"}), [*opening, json.dumps(said).encode()]
        case "openai-responses":
            event = {"type": "error", "code": "invalid_request_error", "message": message, "param": None}
        case "cohere":
            event = {"type": "error", **said}
        case _:
            event = said
    opening = [OPENED[provider]] if begun and provider in OPENED else []
    return ResponseHead(200, {"content-type": "text/event-stream"}), [*opening, sse(event)]


def sse(event: object) -> bytes:
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


OPENED = {
    name: sse({"choices": [{"delta": {"role": "assistant", "content": "Hi"}}]})
    for name in registry.names()
    if registry.get(name).info.dialect in ("openai", "mistral")
} | {"gemini": sse({"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]})}


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(("provider", "template"), cases())
def test_nor_does_it_in_an_event_of_a_stream(provider: str, template: str, begun: bool) -> None:
    if provider == "bedrock":
        need("botocore")

    def heard(phrase: str) -> ProviderError:
        head, pieces = framed(provider, echoed(template, phrase), begun=begun)
        decoder = registry.get(provider).decoder(head)
        for piece in pieces:
            decoder.feed(piece)
        decoder.end()
        assert decoder.failure is not None
        return decoder.failure

    plain = heard(HARMLESS)
    assert not plain.disposition.parks
    for phrase in PHRASES[::5] if begun else PHRASES:  # once an answer has begun, the same is asked
        error = heard(phrase)
        assert (error.kind, error.alerts, error.retry_after_s) == (plain.kind, False, None), phrase


@pytest.mark.parametrize("provider", registry.names())
def test_nor_do_bare_words_in_an_event_called_an_error(provider: str) -> None:
    if registry.get(provider).info.dialect not in ("openai", "anthropic", "openai-responses", "gemini", "cohere"):
        return
    for template in ECHOES[provider]:
        for phrase in PHRASES:
            said = echoed(template, phrase).replace("\n", " ")
            decoder = registry.get(provider).decoder(ResponseHead(200, {"content-type": "text/event-stream"}))
            decoder.feed(f"event: error\ndata: {said}\n\n".encode())
            assert decoder.failure is not None
            assert not decoder.failure.disposition.parks
            assert decoder.failure.kind is ErrorKind.SERVER_ERROR, phrase


@pytest.mark.parametrize(
    ("provider", "status", "template", "kind"),
    [
        ("openai", 404, "The model `{}` does not exist or you do not have access to it.", ErrorKind.NOT_FOUND),
        ("groq", 404, "The model `{}` does not exist or you do not have access to it.", ErrorKind.NOT_FOUND),
        ("anthropic", 404, "model: {}", ErrorKind.NOT_FOUND),
        ("gemini", 404, "models/{} is not found for API version v1beta.", ErrorKind.NOT_FOUND),
        ("cohere", 404, "model '{}' not found, make sure the correct model ID was used", ErrorKind.NOT_FOUND),
        ("ollama", 404, "model '{}' not found", ErrorKind.NOT_FOUND),
        ("ollama", 400, "registry.ollama.ai/library/{} does not support tools", ErrorKind.UNSUPPORTED),
        ("openrouter", 400, "{} is not a valid model ID", ErrorKind.REFUSED_HERE),
        ("vllm", 404, "The model `{}` does not exist.", ErrorKind.NOT_FOUND),
        ("openai", 429, "Rate limit reached for `{}` in organization o. Please slow down.", ErrorKind.RATE_LIMITED),
        ("openai", 401, "You have no access with this key to the model '{}'.", ErrorKind.AUTH),
        ("openai", 403, "Project p has no access to model `{}`.", ErrorKind.AUTH),
    ],
)
def test_a_models_name_changes_no_verdict_on_the_model(
    provider: str, status: int, template: str, kind: ErrorKind
) -> None:
    for phrase in (HARMLESS, *PHRASES):
        assert refused(provider, echoed(template, phrase), status).kind is kind, phrase


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("a 'b c' d", "a d"),
        ('a "b \\" c" d', "a d"),
        ("a `b` ```c\nd``` e", "a e"),
        ("a ''b c'' d", "a d"),
        ('a \\"b c\\" d', "a d"),
        ("a “b c” d ‘e’ f «g» h „i“ j 「k」 l", "a d f h j l"),
        ("the model's limit isn't the users' own", "the model's limit isn't the users' own"),
        ("the model’s limit", "the model's limit"),
        ("'it's the model's' limit", "limit"),
        ('a "b', "a"),
        ("a `b", "a"),
        ('a {"b": {"c": "}"}} d [1, [2]] e', "a d e"),
        ('a {"b": "c', "a"),
        ("\"\" is empty, '' too", "is empty, too"),
        ("Requested: b c\nd", "d"),
        ("Limit 5, Requested: 7 tokens", "limit 5, requested: 7 tokens"),
        ("model=b c, d", "model= , d"),
        ("A\t B\n", "a b"),
        ('"A B"', "a b"),
        ("'a' b 'c'", "b"),
        ("", ""),
    ],
)
def test_what_is_taken_out(message: str, said: str) -> None:
    assert without_quotations(message) == said


@pytest.mark.parametrize("piece", ["'", '"', "`", "{", "[", " 'a", "a' ", "\\", '\\"', "“", "model ", "models/", "a="])
def test_a_long_message_is_read_in_linear_time(piece: str) -> None:
    assert len(without_quotations(piece * 100_000)) <= MAX_SAID
