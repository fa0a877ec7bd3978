"""`standby chat`: a conversation that names the answering target and reports each change of it."""

from typing import Annotated

import typer

from .choice import SIMULATED, choose
from .exits import guarded
from .options import ConfigFile, Debugging, EnvFile, RouteName, TargetNames
from .render import say


def chat(
    context: typer.Context,
    targets: TargetNames = None,
    config: ConfigFile = None,
    env_file: EnvFile = None,
    route: RouteName = None,
    system: Annotated[str | None, typer.Option(help="A system prompt: what the model should know first.")] = None,
    deadline: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Maximum wait for the first word of an answer.")
    ] = None,
) -> None:
    """Talk. Shows which target speaks, when that changes, and why.

    Takes its targets as `ask` does. On a terminal /help lists the commands; Ctrl-C stops an answer, and leaves at the
    prompt. In a pipe each line is a question.
    """
    with guarded(debug=Debugging.of(context)):
        choice = choose(targets or (), config, route, env_file=env_file)
        if note := SIMULATED if choice is None else choice.note:
            say(note, style="dim")
        from .conversation import Chatting
        from .lines import Lines

        Chatting({"system": system, "deadline_s": deadline}, choice, Lines()).go()
