"""`standby ask`: one question, and the answer as it comes.

Standard output gets the answer alone; standard error gets the target that answered and the attempts that failed.
Ctrl-C cancels the call, which closes the connection to the answering target.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from .choice import SIMULATED, choose, model_reference
from .exits import UsageError, guarded
from .options import AsJson, ConfigFile, Debugging, EnvFile, RouteName, TargetNames
from .question import question as asked
from .render import say

if TYPE_CHECKING:
    from ..providers.chat import JsonSchema
    from ..router.engine.options import CallOptions

SCHEMA_BYTES_MAX = 1024 * 1024


Words: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(help="The question, its words joined; - stands for standard input.", show_default=False),
]
ModelName: TypeAlias = Annotated[
    str | None, typer.Option("--model", "-m", help="One model: openai/gpt-5-mini, or gpt-5-mini.", show_default=False)
]
Images: TypeAlias = Annotated[
    list[str] | None, typer.Option("--image", metavar="PATH|URL", help="An image to show; may stand several times.")
]
Files: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--file", metavar="PATH", help="A document, like a PDF; may stand several times.")
]
SchemaFile: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A JSON Schema: the answer is JSON that fits it.")
]
Deadline: TypeAlias = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Maximum wait for the first word; with --json, for the whole answer."),
]


def ask(
    context: typer.Context,
    question: Words = None,
    targets: TargetNames = None,
    model: ModelName = None,
    config: ConfigFile = None,
    env_file: EnvFile = None,
    route: RouteName = None,
    system: Annotated[str | None, typer.Option(help="A system prompt: what the model should know first.")] = None,
    images: Images = None,
    files: Files = None,
    schema: SchemaFile = None,
    temperature: Annotated[float | None, typer.Option(help="How much is left to chance: 0 to 2.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Maximum length of the answer.")] = None,
    deadline: Deadline = None,
    as_json: AsJson = False,
    events: Annotated[
        bool, typer.Option("--events", help="For programs: each event as it comes, a JSON line.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the answer.")] = False,
) -> None:
    """Ask a question. The answer comes word by word, from the first target that can give it.

    The targets: those of --targets or --model; else the route of --config, $STANDBY_CONFIG or ./standby.yaml; else the
    providers with a key in the environment; else the built-in simulator, which says so.
    """
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        if as_json and events:
            raise UsageError("give --json or --events, not both: one waits for the whole answer, the other does not")
        if model is not None and targets:
            raise UsageError("give --model or --targets, not both: a model is a single target")
        what = asked(question or (), images or (), files or ())
        options: CallOptions = {
            "system": system,
            "deadline_s": deadline,
            "temperature": temperature,
            "max_tokens": max_tokens,
            "response_format": None if schema is None else _schema(schema),
        }
        named = [model_reference(model, config, env_file)] if model is not None else targets or ()
        choice = choose(named, config, route, env_file=env_file)
        note = choice.note if choice is not None else SIMULATED
        if note and not quiet:
            say(note, style="dim")
        from .ask_view import Asking

        asking = Asking(what, options, choice, quiet=quiet)
        asyncio.run(asking.whole() if as_json else asking.listed() if events else asking.streamed())


def _schema(file: Path) -> "JsonSchema":
    import msgspec

    from ..providers.chat import JsonSchema
    from ..providers.files import UnreadableFile, read_bounded

    try:
        found = msgspec.json.decode(read_bounded(file, SCHEMA_BYTES_MAX))
    except UnreadableFile as error:
        raise UsageError(f"{file} {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{file} holds no JSON Schema: that is an object")
    return JsonSchema(found)
