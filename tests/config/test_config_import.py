"""Importing the settings costs neither pydantic nor a YAML parser; `load` does."""

import subprocess
import sys

HEAVY = ("pydantic", "pydantic_core", "pydantic_settings", "yaml", "dotenv")


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_importing_costs_nothing_heavy() -> None:
    code = "from standby.config import *\nTarget('koala', key='k', parameters={'seed': 1})\nlen(example('minimal'))"
    assert loaded_after(code) == set()


def test_loading_brings_them_in() -> None:
    assert loaded_after("from standby.config import load\nload(env_file=None, targets={})") == set(HEAVY)
