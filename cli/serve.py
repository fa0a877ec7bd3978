"""`standby serve`: the gateway. Without a configuration it serves the providers that it finds keys of, or a simulator.

Lines of the log go to standard output, one a request; what a person should know goes to standard error.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import __version__
from ..config import Admin, Config, ConfigFileError, Route, Serve, load
from ..config.origin import ENV_FILE
from ..config.serve_flaws import serve_problems
from ..config.worker_share import share_of
from .choice import choose, simulated
from .exits import UsageError, guarded
from .options import ConfigFile, Debugging, EnvFile
from .render import say

if TYPE_CHECKING:
    from ..gateway.process.listening import Listening

WITHOUT_SECTION = Serve(auth="none", admin=Admin(listen="127.0.0.1:0"))
"""What holds where no configuration says how to serve: this machine alone may ask, and needs no key."""

QUESTION = '{"model":"%s","messages":[{"role":"user","content":"Why is the sky blue?"}]}'


def serve(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The configuration, as --config.", show_default=False)
    ] = None,
    config: ConfigFile = None,
    env_file: EnvFile = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="Listen there.", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", min=0, max=65_535, help="Listen there; 0 takes any port.", show_default=False),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes that serve.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Write no line for each request.")] = False,
) -> None:
    """Serve OpenAI's and Anthropic's protocols over the configured targets. SIGTERM ends it, SIGHUP reloads it.

    Without a configuration it asks the providers that the environment has keys of; without any, a simulator answers.
    """
    with guarded(debug=Debugging.of(context)):
        if file is not None and config is not None:
            raise UsageError("give the configuration once: as FILE or with --config")

        def settings(of: Config) -> Serve:
            return _with_options(of.serve or WITHOUT_SECTION, host, port, workers)

        from ..gateway.process.event_loop import new_event_loop

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            code = runner.run(_serve(file or config, env_file, settings, quiet=quiet))
        raise typer.Exit(code)


async def _serve(file: Path | None, env_file: Path | None, settings: Callable[[Config], Serve], *, quiet: bool) -> int:
    from ..gateway.process.listening import bind, bind_handed_down
    from ..gateway.process.supervisor import which_worker
    from ..gateway.running import Plan, run
    from ..gateway.state_place import state_place
    from ..gateway.supervising import supervise

    async with _configured(file, env_file) as (config, about, reloads):
        mine = settings(config)
        if problems := serve_problems(replace(config, serve=mine)):
            raise ConfigFileError(problems)
        which = which_worker()
        worker = which or (1, 1)

        def again() -> Config:
            of = load(file, env_file=env_file or ENV_FILE)
            return replace(of, serve=settings(of))

        def share(of: Config) -> Config:
            return share_of(of, worker[1])

        plan = Plan(
            config=share(replace(config, serve=mine)),
            load=again if reloads else None,
            share=share,
            files=_files(config, env_file) if reloads else (),
            state=state_place(mine.state) if config.serve is not None else None,
            state_may_fail=mine.state is None,
            worker=worker,
            write=_drop if quiet else _write,
            tell=_tell,
            supervised=which is not None,
            version=__version__,
        )

        def greet(url: str, admin: "Listening | None") -> None:
            gc.freeze()  # what was loaded stays: the collector need not look at it again and again
            if which is None:
                _greet(url, None if admin is None else admin.url, about, config, mine)

        if mine.workers > 1 and which is None:
            command = [sys.executable, "-m", "standby", *sys.argv[1:]]
            return await supervise(plan, command, greet)
        where = bind(mine.address) if which is None else bind_handed_down(mine.address)
        return await run(plan, where, lambda listening, admin: greet(listening.url, admin))


@asynccontextmanager
async def _configured(file: Path | None, env_file: Path | None) -> AsyncGenerator[tuple[Config, str, bool]]:
    """The configuration, what is to be said about it, and whether there is a file to be read again."""
    choice = choose((), file, None, env_file=env_file)
    if choice is not None:
        yield choice.config, choice.note, not choice.note
        return
    from ..simulator.embedded import embedded

    async with embedded() as stage:
        targets = {staged.name: simulated(staged) for staged in stage.targets}
        about = "no configuration and no key in the environment: a simulator answers, and its first two targets fail"
        yield Config(targets=targets, routes={"default": Route(tuple(targets))}), about, False


def _files(config: Config, env_file: Path | None) -> tuple[Path, ...]:
    """What is read anew when it changes."""
    named = None if config.origin is None else config.origin.file
    return tuple(Path(file) for file in (named, env_file or ENV_FILE) if file)


def _with_options(section: Serve, host: str | None, port: int | None, workers: int | None) -> Serve:
    """The section, with what the command line says in place of it."""
    address = section.address
    if host is not None or port is not None:
        where = (address.host or "127.0.0.1") if host is None else host
        number = (address.port or 8080) if port is None else port
        section = replace(section, listen=f"[{where}]:{number}" if ":" in where else f"{where}:{number}")
    return section if workers is None else replace(section, workers=workers)


def _tell(text: str) -> None:
    say(f"standby: {text}")


def _drop(data: bytes) -> None:
    """Write nothing."""


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _greet(url: str, admin: str | None, about: str, config: Config, settings: Serve) -> None:
    """Say where it serves, and how to ask it first."""
    model = next(iter(config.routes), "default")
    key = "$KEY" if settings.auth == "keys" else ""
    say(f"standby serves at {url}" + (f", and operators at {admin}" if admin else ""))
    if about:
        say(f"  {about}")
    say("")
    header = f" -H 'authorization: Bearer {key}'" if key else ""
    say(f"  curl {url}/v1/chat/completions{header} -H 'content-type: application/json' -d '{QUESTION % model}'")
    say("")
    say("  from openai import OpenAI")
    say(f'  client = OpenAI(base_url="{url}/v1", api_key="{key or "none"}")  # model="{model}"')
