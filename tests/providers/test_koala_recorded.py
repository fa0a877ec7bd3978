"""Koala over its recorded wire. It has no end marker, so what is not cut inside an event cannot be known to be cut."""

import pytest
from standby.providers.dialects.koala import provider
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished

from wire_fixtures import Fixture, check_cuts, complete, run


@pytest.mark.parametrize("fixture", [each for each in complete("koala") if each.name.endswith(".sse")], ids=str)
def test_wherever_an_event_is_cut_the_answer_is_not_finished(fixture: Fixture) -> None:
    body = fixture.body
    between_lines = {0} | {place for place in range(1, len(body) + 1) if body[:place].endswith(b"\n")}
    for place in range(len(body)):
        cut = run(provider, fixture, [body[:place]])
        last_block = body[:place].rpartition(b"\n\n")[2]
        inside_an_event = place not in between_lines or any(
            line.startswith((b"data", b"event")) for line in last_block.split(b"\n")
        )
        if inside_an_event or not cut.events:
            assert cut.finish is None, f"finished at byte {place}, inside an event"
            assert cut.error is not None
            assert cut.error.kind is ErrorKind.TRUNCATED
        else:
            assert (cut.finish, cut.error) == (Finished(None), None)
        assert fixture.expect["text"].startswith(cut.text)


def test_a_json_answer_cut_before_its_last_brace_is_not_finished() -> None:
    fixture = next(each for each in complete("koala") if each.name == "nonstream_json.txt")
    check_cuts(provider, fixture, fixture.body)
