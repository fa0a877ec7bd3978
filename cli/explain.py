"""`standby explain`: which targets a call would ask, in what order and for how long, and which not. Sends nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..config import NoTargets
from ..providers.chat import ChatRequest, ImagePart, Message, TextPart, Tool, chat_request
from .choice import choose
from .exits import UsageError, guarded
from .options import AsJson, ConfigFile, Debugging, EnvFile, RouteName, TargetNames
from .render import Cell, bar, console, say, setting, show_json, show_table

if TYPE_CHECKING:
    from ..router.explain import Plan, PlannedTarget

_AN_IMAGE = "data:image/png;base64,iVBORw0KGgo="
_BAR_WIDTH = 24
_SELECTS = {
    "weighted": ("each call draws the order within a tier by weight; shown is the written one",),
    "cost": ("within a tier the target comes first for which this request is estimated to cost least",),
    "latency": ("each call prefers the quicker of two drawn within a tier; shown is the written order",),
}


def explain(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The configuration, as --config.", show_default=False)
    ] = None,
    config: ConfigFile = None,
    env_file: EnvFile = None,
    route: RouteName = None,
    targets: TargetNames = None,
    images: Annotated[bool, typer.Option("--images", help="For a request that shows an image.")] = False,
    tools: Annotated[bool, typer.Option("--tools", help="For a request that offers tools.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the plan of a call without sending it: the order of the targets, their time limits, and those left out.

    The times are the worst case: every target stays silent until it is given up.
    """
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        if file is not None and config is not None:
            raise UsageError("give the configuration once: as FILE or with --config")
        choice = choose(targets or (), file or config, route, env_file=env_file)
        if choice is None:
            raise NoTargets(
                "nothing is configured, so there is nothing to explain: name targets with --targets, a configuration"
                " with --config, or set a provider's key (`standby providers` lists them)"
            )
        if choice.note:
            say(choice.note, style="dim")
        from ..router.explain import explain as plan_of

        plan = plan_of(choice.config, choice.route or choice.as_route, _request(images=images, tools=tools))
        if as_json:
            show_json(plan.to_dict())
        else:
            show_plan(console(), plan, choice.shown)


def _request(*, images: bool, tools: bool) -> ChatRequest:
    parts = (TextPart("A question?"), *((ImagePart(_AN_IMAGE),) if images else ()))
    return chat_request([Message("user", parts)], tools=[Tool("a_tool", "Any tool.")] if tools else None)


def show_plan(out: Console, plan: "Plan", what: str) -> None:
    """Print the plan for a reader.

    Args:
        what: The subject of the plan: a route, or named targets.
    """
    out.print(Text(f"The plan of a call on {what}:", style="bold"))
    for fact in (
        f"its first word must come within {setting(plan.deadline_s)}, of which {setting(plan.reserve_s)} are kept for"
        " one more target",
        *_SELECTS.get(plan.select, ()),
        f"when no target may be asked: {plan.all_open.replace('_', ' ')}",
        f"when an answer breaks off: {', '.join(plan.mid_stream) or 'nothing'}, else an error",
    ):
        out.print(f"  {fact}")
    if plan.asked:
        _show_asked(out, plan)
    else:
        out.print("No target would be asked.", style="red")
    left_out = [target for target in plan.targets if target.place is None]
    if left_out:
        out.print(Text("Not asked:", style="bold"))
    for target in left_out:
        assert target.skipped is not None
        out.print(Text(f"  {target.target}: ").append(target.skipped.detail, style="yellow"))


def _show_asked(out: Console, plan: "Plan") -> None:
    columns = ["#", "target", "asked at", "given up at", "connect", "first word", "stall", "tries", "note"]
    rows: list[list[Cell]] = [_row(target) for target in plan.asked]
    if not any(row[-1] for row in rows):
        columns.pop()
        rows = [row[:-1] for row in rows]
    if out.is_terminal and out.width >= 110:
        columns.insert(4, "if silent")
        for row, target in zip(rows, plan.asked, strict=True):
            row.insert(4, _turn(target, plan.deadline_s))
    show_table(out, columns, rows, right=("asked at", "given up at", "connect", "first word", "stall", "tries"))


def _row(target: "PlannedTarget") -> list[Cell]:
    clocks = target.clocks
    return [
        str(target.place),
        Text(target.target, style="bold").append(_model(target), style="dim not bold"),
        setting(target.asked_s),
        setting(target.silent_until_s),
        setting(clocks.connect_s),
        setting(clocks.first_delta_s),
        setting(clocks.stall_s),
        str(target.attempts_max),
        Text(target.skipped.detail if target.skipped else "", style="yellow"),
    ]


def _model(target: "PlannedTarget") -> str:
    """The model, where the target's name does not say it."""
    return "" if target.model in target.target else f" ({target.model})"


def _turn(target: "PlannedTarget", deadline_s: float) -> Text:
    return bar(target.asked_s or 0.0, target.silent_until_s or deadline_s, deadline_s, _BAR_WIDTH, style="cyan")
