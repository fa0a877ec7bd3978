"""The README's parts that come from the code, and its examples.

`python tests/project/readme.py` writes the table of providers into it anew.
"""

import re
from pathlib import Path

from standby.providers import ProviderInfo, registry

README = Path(__file__).resolve().parents[2] / "README.md"
_TABLE = re.compile(r"(<!-- providers: .*? -->\n).*?(<!-- /providers -->)", re.DOTALL)


def providers_table() -> str:
    """The table of all providers, by name."""
    rows = ["| Name | What it is | Key | Note |", "|---|---|---|---|"]
    for name in registry.names():
        info = registry.get(name).info
        rows.append(f"| `{name}` | [{info.title}]({info.site_url}) | {_key(info)} | {_note(info)} |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """A README with the table as it has to be."""
    return _TABLE.sub(lambda found: found[1] + providers_table() + found[2], text)


def examples(language: str) -> list[str]:
    """The README's code blocks in a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _key(info: ProviderInfo) -> str:
    if info.key_env is None:
        return "–"
    return f"`{info.key_env}`" + ("" if info.key_required else ", optional")


def _note(info: ProviderInfo) -> str:
    facts = []
    if info.base_url is None:
        facts.append("needs `base_url`")
    elif info.base_url.startswith("http://localhost"):
        facts.append("a server of your own")
    if not info.working:
        facts.append("last known not to work")
    if not info.official:
        facts.append("not official without a key")
    if info.default_model not in (None, "default"):
        facts.append(f"default model `{info.default_model}`")
    return "; ".join(facts)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
