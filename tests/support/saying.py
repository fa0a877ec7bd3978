"""What our own decoder makes of an answer that the simulator says: all that is heard of it, in order."""

from typing import Literal

from standby.providers import registry
from standby.providers.events import ProviderEvent
from standby.providers.provider import ResponseHead
from standby.router.result.collecting import Whole, put_together
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.reply import Answer
from standby.simulator.scenario.request import Reading, Request
from standby.simulator.scenario.script import Script
from standby.simulator.serving.plan import Write, plan

from raw_client import body_of

Form = Literal["stream", "single"]


def heard(dialect: str, answer: Answer, form: Form, *, pieces_of: int = 0) -> Whole:
    """Put together what is heard. `pieces_of`: so many bytes a read, 0 for all at once."""
    reading = Reading("m", stream=form == "stream", wants_usage=True)
    request = Request(provider="p", number=1, method="POST", path="/", reading=reading)
    steps = plan(Script(answer, form=form), DIALECTS[dialect], request).steps
    wire = b"".join(step.data for step in steps if isinstance(step, Write))
    status_line, *lines = wire.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    head = ResponseHead(int(status_line.split()[1]), dict(line.split(": ", 1) for line in lines))
    decoder, body = registry.get(dialect).decoder(head), body_of(wire)
    size = pieces_of or len(body)
    events: list[ProviderEvent] = []
    for at in range(0, len(body), size):
        events += decoder.feed(body[at : at + size])
    events += decoder.end()
    assert decoder.failure is None, decoder.failure
    return put_together([*events, *([decoder.finish] if decoder.finish else [])])
