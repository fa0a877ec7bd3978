"""`standby init`: write a configuration with comments, from the keys that the environment holds. Asks no provider."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ..providers import registry
from .choice import providers_with_keys, usual_model
from .exits import UsageError, guarded
from .options import Debugging
from .question import STDIN
from .render import say

SHOWN_WITHOUT_KEYS = ("openai", "anthropic")
"""The targets of a file that is written where no key is set."""

_HEAD = """\
# standby.yaml: the targets, and in which order a call asks them. `standby check` looks it over, `standby explain` shows
# the plan of a call, `standby drill {file}` plays an outage of it. Every setting: docs/configuration.md

targets:
"""
_TARGET = """\
  {name}:
    provider: {provider}
    model: {model}
    key: ${{{variable}}}{note}
"""
_FOOT = """
routes:
  default:
    targets: [{names}]  # the best first; {spare}
    # deadline_s: 120     # the first word must have come by then
    # hedge: {{}}           # ask a second target beside one that stays silent for unusually long; it may bill twice
    # hold: {{for_s: 1}}    # hand nothing over before so much is there, so that fewer failures can be seen

# serve: {{auth: none}}     # `standby serve` offers the routes to OpenAI's and Anthropic's clients: docs/gateway.md
"""


def init(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where to write it; - is standard output.")] = Path(
        "standby.yaml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a configuration with comments: a target for each provider whose key is in the environment.

    Keys are not written: the file refers to their variables.
    """
    with guarded(debug=Debugging.of(context)):
        text, told = configuration(os.environ, file)
        if str(file) == STDIN:
            print(text, end="")
        else:
            _write(file, text, over=force)
            say(f"{file} written, {told}; next: standby check {file}")


def configuration(environment: Mapping[str, str], file: Path) -> tuple[str, str]:
    """The file's text, and a few words on what is in it.

    Args:
        environment: Where keys are looked for.
        file: Where it will stand.
    """
    found = providers_with_keys(environment)
    names = list(found.values()) or list(SHOWN_WITHOUT_KEYS)
    note = "" if found else "  # not set yet"
    targets = "".join(
        _TARGET.format(
            name=name, provider=name, model=usual_model(name), variable=registry.get(name).info.key_env, note=note
        )
        for name in names
    )
    spare = (
        "the next is asked when one cannot answer" if len(names) > 1 else "add a second: a lone target has no standby"
    )
    text = _HEAD.format(file=file) + targets + _FOOT.format(names=", ".join(names), spare=spare)
    told = (
        f"with {', '.join(f'{name} ({variable})' for variable, name in found.items())}"
        if found
        else (f"with {' and '.join(names)} as examples, since no key is set (`standby providers` names the variables)")
    )
    return text, told


def _write(file: Path, text: str, *, over: bool) -> None:
    try:
        with file.open("w" if over else "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already: --force writes over it, another name leaves it") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or type(error).__name__}") from None
