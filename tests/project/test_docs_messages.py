"""The page on messages: its blocks run one after another, and what they say comes back."""

import re
from pathlib import Path
from typing import Any

from standby import Config, Message, Route, Router, Target, TextPart, ToolCall
from standby.messages import FilePart, NativeTool
from standby.testing import Answer, Request, Script, Simulator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "messages.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def answering(request: Request) -> Script:
    """A call at first, and words once its result has come."""
    asked = request.reading.messages
    if asked[-1][0] == "tool":
        return Script(Answer("Sunny."))
    return Script(Answer("I look.", tool_calls=(ToolCall("c1", "weather", '{"city":"Oslo"}'),)))


async def test_the_blocks_of_the_page_run(standby_simulator: Simulator) -> None:
    standby_simulator.play("p", answering, dialect="openai")
    target = Target("openai", model="m", base_url=standby_simulator.base_url("p"), key="k")
    async with Router(Config(targets={"p": target}, routes={"default": Route(("p",))})) as router:
        names: dict[str, Any] = {"router": router}
        for block in BLOCKS:
            body = "\n".join(f"    {line}" for line in block.splitlines())
            exec(f"async def run():\n{body}\n    return locals()", names)
            names |= await names["run"]()
    assert [type(part) for part in names["conversation"][2].content][:2] == [TextPart, FilePart]
    assert isinstance(names["tools"][1], NativeTool)
    assert names["answer"].message == Message(
        "assistant", (TextPart("I look."), *names["answer"].tool_calls), origin=names["answer"].message.origin
    )
    assert names["final"].text == "Sunny."
    last = standby_simulator.exchanges[-1].request
    assert [role for role, _ in last.reading.messages] == ["user", "assistant", "tool"]
    assert "Oslo: sunny for 1 days" in last.reading.messages[-1][1]
