"""An answer in parts: each dialect says them in order where its wire has one, and loses none; the rest is an error."""

import base64
from typing import Any, get_args

import pytest
from standby.providers.parts import (
    AudioPart,
    Citation,
    FilePart,
    ImagePart,
    Logprobs,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
)
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.reply import Answer
from standby.simulator.scenario.request import Reading, Request

from components import need
from saying import Form, heard

Parts = tuple[Part | Logprobs, ...]

F, G = ToolCall("D681PevKs", "f", '{"a":1}'), ToolCall("D681PevKt", "g", '{"a":2}')
PLAN, MORE, LOOKING = Reasoning("Plan."), Reasoning("More."), TextPart("I am looking.")
INTERLEAVED: Parts = (PLAN, LOOKING, F, MORE, G)
BY_FIELD: Parts = (Reasoning("Plan.More."), LOOKING, F, G)
"""The same where the wire has one field for all thinking, one for the text and one for the calls."""

WAV = "data:audio/wav;base64," + base64.b64encode(b"RIFF0000WAVE").decode()
PNG = "data:image/png;base64,iVBORw0KGgo="
TOKENS = '[{"token":"I","logprob":-0.5}]'
ANNOTATION = '{"type":"url_citation","url_citation":{"url":"https://x/y","title":"Y","start_index":0,"end_index":1}}'
NOTE = '{"type":"url_citation","url":"https://x/y","title":"Y","start_index":0,"end_index":1}'
SEARCH = '{"id":"ws_1","type":"web_search_call","status":"completed"}'
DRAWN = '{"id":"ig_1","type":"image_generation_call","status":"completed","output_format":"png"}'
DETAILS = '[{"type":"reasoning.text","index":0,"text":"Plan.","signature":"s"}]'
CODE = '{"executableCode":{"language":"PYTHON","code":"1"}}'
WEB = '{"web":{"uri":"https://x/y","title":"Y"},"segment":{"startIndex":0,"endIndex":1}}'
READ = '{"startIndex":0,"endIndex":1,"uri":"https://x/z","title":"Z"}'
DOCUMENT = '{"start":0,"end":1,"text":"I","sources":[{"type":"document","document":{"url":"https://x/y","title":"Y"}}]}'
REFERENCE = '{"type":"reference","reference_ids":[1,2]}'
CUSTOM = ToolCall("call_c", "grep", "a.*b", custom=True)

ROWS: dict[str, list[tuple[Parts, Parts]]] = {
    "openai": [
        (INTERLEAVED, BY_FIELD),
        ((Reasoning("Plan.", details=DETAILS), TextPart("Hi")), (Reasoning("Plan.", details=DETAILS), TextPart("Hi"))),
        ((ToolCall("D681PevKs", "f", "{}", "sig"), G), (ToolCall("D681PevKs", "f", "{}", "sig"), G)),
        ((CUSTOM, F), (CUSTOM, F)),
        (
            (TextPart("I see."), Citation("https://x/y", "Y", "", 0, 1, ANNOTATION), ImagePart(PNG)),
            (TextPart("I see."), Citation("https://x/y", "Y", "", 0, 1, ANNOTATION), ImagePart(PNG)),
        ),
        ((AudioPart(WAV, "audio_1", "Hi."),), (AudioPart(WAV, "audio_1", "Hi."),)),
        ((TextPart("One."), TextPart("Two."), RefusalPart("No.")), (TextPart("One.Two."), RefusalPart("No."))),
    ],
    "openai-responses": [
        (
            (
                Reasoning("Plan.", "rs_1", "locked1"),
                TextPart("Looking.", phase="commentary"),
                F,
                NativePart("web_search_call", SEARCH, "", "ws_1"),
                Reasoning("", "rs_2", "locked2"),
                G,
                TextPart("One.", phase="final_answer"),
                Citation("https://x/y", "Y", "", 0, 1, NOTE),
                TextPart("Two."),
                RefusalPart("No."),
                CUSTOM,
                ImagePart(PNG),
                NativePart("image_generation_call", DRAWN, "", "ig_1"),
            ),
            (),
        ),
        ((PLAN, MORE, TextPart("Hi")), ()),
        ((PLAN, Reasoning("More.", "rs_1", "locked")), ()),
        (INTERLEAVED, ()),
        ((ImagePart(PNG),), (ImagePart(PNG), NativePart("image_generation_call", DRAWN, "", "ig_1"))),
    ],
    "gemini": [
        (INTERLEAVED, ()),
        (
            (
                Reasoning("Plan.", "s1"),
                TextPart("I am looking."),
                Reasoning("", "s2"),
                ToolCall("call_f", "f", '{"a":1}', "s3"),
                G,
                NativePart("executableCode", CODE),
                Reasoning("", "s4"),
                Reasoning("More.", "s5"),
                ImagePart(PNG),
                Reasoning("", "s6"),
                ImagePart(PNG),
                TextPart("One."),
                TextPart("It is two."),
                Reasoning("", "s7"),
                FilePart("data:application/pdf;base64,JVBERg==", "a.pdf"),
                AudioPart(WAV),
            ),
            (),
        ),
        ((TextPart("One."), TextPart("Two.")), (TextPart("One.Two."),)),
        (
            (TextPart("I."), Citation("https://x/y", "Y", "", 0, 1, WEB), Citation("https://x/z", "Z", "", 0, 1, READ)),
            (),
        ),
    ],
    "anthropic": [
        ((Reasoning("Plan.", "s1"), LOOKING, F, Reasoning("More.", "s2"), G), ()),
        ((Reasoning("", redacted="x"), TextPart("One."), TextPart("Two.")), ()),
    ],
    "bedrock": [((Reasoning("Plan.", "s1"), LOOKING, F, Reasoning("More.", "s2"), G), ())],
    "cohere": [
        (INTERLEAVED, BY_FIELD),
        ((PLAN, TextPart("One."), MORE, TextPart("Two."), TextPart("Three.")), ()),
        ((TextPart("I."), Citation("https://x/y", "Y", "I", 0, 1, DOCUMENT)), ()),
    ],
    "mistral": [
        (INTERLEAVED, (PLAN, LOOKING, MORE, F, G)),
        ((Reasoning("Plan.", "s1"), LOOKING, Reasoning("More.", "s2"), Reasoning("", "s3"), TextPart("Hi")), ()),
        ((PLAN, TextPart("One."), Citation(details=REFERENCE), TextPart("Two.")), ()),
        ((TextPart("One."), RefusalPart(" Two.")), (TextPart("One. Two."),)),
    ],
    "ollama": [(INTERLEAVED, BY_FIELD)],
    "koala": [((TextPart("One."), TextPart("Two.")), (TextPart("One.Two."),))],
}
ROWS["azure-openai"] = ROWS["openai"]
"""What is said, and what of it is heard; nothing: the same."""

STREAMED: dict[tuple[str, Parts], Parts] = {
    ("mistral", INTERLEAVED): (PLAN, LOOKING, F, MORE, G),
}
"""What of it is heard of a stream, where more of the order is left than in one body."""

CASES = [(dialect, said, meant or said) for dialect, rows in ROWS.items() for said, meant in rows]


@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.parametrize(("dialect", "said", "meant"), CASES)
def test_each_part_is_heard(dialect: str, said: Parts, meant: Parts, form: Form) -> None:
    need("botocore")
    meant = STREAMED.get((dialect, said), meant) if form == "stream" else meant
    whole = heard(dialect, Answer(parts=said), form)
    assert whole.parts == meant
    assert heard(dialect, Answer(parts=said), form, pieces_of=7).parts == meant


@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.parametrize("dialect", ["openai", "azure-openai", "openai-responses", "ollama"])
def test_how_likely_the_tokens_were(dialect: str, form: Form) -> None:
    whole = heard(dialect, Answer(parts=(TextPart("I"), Logprobs(TOKENS))), form)
    assert (whole.parts, whole.logprobs) == ((TextPart("I"),), TOKENS)


def test_gemini_tells_it_in_two_lists() -> None:
    told = '[{"token":"I","topCandidates":[{"token":"I"},{"token":"A"}]}]'
    for form in get_args(Form):
        assert heard("gemini", Answer(parts=(TextPart("I"), Logprobs(told))), form).logprobs == told


def test_texts_that_are_one_part_stay_one_however_often_they_are_interrupted() -> None:
    """A citation stands within its text; in Mistral's stream it ends it, since the chunk does."""
    parts: Parts = (TextPart("One."), Citation(details=NOTE), Citation(details=NOTE))
    assert len(heard("openai-responses", Answer(parts=parts), "stream").parts) == 3


EVERY: dict[str, Parts] = {
    "AudioPart": (AudioPart(WAV),),
    "Citation": (TextPart("I"), Citation("https://x/y", details="{}")),
    "FilePart": (FilePart("data:application/pdf;base64,JVBERg=="),),
    "ImagePart": (ImagePart(PNG),),
    "Logprobs": (TextPart("I"), Logprobs(TOKENS)),
    "NativePart": (NativePart("x", '{"toolUse":{"input":{}},"type":"x"}'),),
    "Reasoning": (PLAN,),
    "Reasoning.details": (Reasoning("Hm.", details=DETAILS),),
    "Reasoning.redacted": (Reasoning("", redacted="x"),),
    "Reasoning.signature": (Reasoning("Hm.", "s"),),
    "RefusalPart": (RefusalPart("No."),),
    "TextPart.phase": (TextPart("Hi", phase="commentary"),),
    "ToolCall": (F,),
    "ToolCall.custom": (CUSTOM,),
    "ToolCall.signature": (ToolCall("D681PevKs", "f", "{}", '{"type":"x"}'),),
}
"""Each thing that an answer may hold."""

SAYS: dict[str, set[str]] = {
    "anthropic": {"Citation", "NativePart", "Reasoning", "Reasoning.redacted", "Reasoning.signature", "ToolCall",
                  "ToolCall.signature"},
    "bedrock": {"Citation", "ImagePart", "NativePart", "Reasoning", "Reasoning.redacted", "Reasoning.signature",
                "RefusalPart", "ToolCall"},
    "cohere": {"Citation", "Reasoning", "RefusalPart", "ToolCall"},
    "gemini": {"AudioPart", "Citation", "FilePart", "ImagePart", "Logprobs", "NativePart", "Reasoning",
               "Reasoning.signature", "ToolCall", "ToolCall.signature"},
    "koala": {"RefusalPart"},
    "mistral": {"Citation", "Reasoning", "Reasoning.signature", "RefusalPart", "ToolCall"},
    "ollama": {"Logprobs", "Reasoning", "RefusalPart", "ToolCall"},
    "openai": {"AudioPart", "Citation", "ImagePart", "Logprobs", "Reasoning", "Reasoning.details", "RefusalPart",
               "ToolCall", "ToolCall.custom", "ToolCall.signature"},
    "openai-responses": {"Citation", "ImagePart", "Logprobs", "NativePart", "Reasoning", "Reasoning.redacted",
                         "Reasoning.signature", "RefusalPart", "TextPart.phase", "ToolCall", "ToolCall.custom"},
}  # fmt: skip
SAYS["azure-openai"] = SAYS["openai"]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", EVERY)
def test_a_dialect_says_a_thing_or_names_what_it_has_no_words_for(dialect: str, name: str) -> None:
    answer = Answer(parts=EVERY[name])
    request = Request(provider="p", number=1, method="POST", path="/", reading=Reading("m", wants_usage=True))
    speak: list[Any] = [DIALECTS[dialect].frames, DIALECTS[dialect].single]
    for say in speak:
        if name in SAYS[dialect]:
            assert say(answer, request)
        else:
            with pytest.raises(ValueError, match=f"no words for {name.partition('.')[0]}"):
                say(answer, request)
