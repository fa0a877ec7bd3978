"""A picture of a run beside the routers of others: bars, as SVG, that can be read on a light page and on a dark one."""

from collections.abc import Mapping
from html import escape

from .clients import CLIENTS
from .figures import Figure

PANELS = (
    ("delta c8", "CPU time of a streamed delta"),
    ("call c32", "of a call, 32 at a time"),
    ("fail-over c32 by 500", "that a fail-over from a 500 adds"),
)
"""What is drawn, as far as it was measured."""

NAMES = {
    "loop": "by hand",
    "standby": "standby",
    "openai": "openai",
    "tensorzero": "TensorZero (Rust)",
    "langchain": "LangChain",
    "pydantic-ai": "pydantic-ai",
    "litellm": "LiteLLM Router",
}

LABELS, BARS, NUMBERS, LINE, HEAD = 150, 440, 90, 22, 34
WIDTH = LABELS + BARS + NUMBERS

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #57606a } .head { font-weight: 600; fill: #24292f }
.ours { font-weight: 600; fill: #0a7d55 } rect { fill: #afb8c1 } rect.ours { fill: #1a9e6e }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .head { fill: #f0f6fc } .ours { fill: #3fb98a }
rect { fill: #57606a } rect.ours { fill: #3fb98a }
}"""


def picture(figures: list[Figure]) -> str:
    """The SVG.

    Raises:
        ValueError: None of it was measured.
    """
    drawn: list[str] = []
    top = 0
    for what, title in PANELS:
        values = {each.client: each.value.median for each in figures if each.what == what and each.client in NAMES}
        if values:
            drawn += _panel(title, values, top)
            top += HEAD + LINE * len(values) + LINE // 2
    if not drawn:
        raise ValueError(f"nothing to draw: there is none of {', '.join(what for what, _ in PANELS)}")
    size = f'viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join(
        [head, f"<title>{escape(_in_words(figures))}</title>", f"<style>{_STYLE}</style>", *drawn, "</svg>", ""]
    )


def _panel(title: str, values: Mapping[str, float], top: int) -> list[str]:
    """Bars from the shortest to the longest, all of one scale that begins at nothing."""
    most = max(values.values())
    lines = [f'<text class="head" x="0" y="{top + HEAD - 14}">{escape(title)}</text>']
    for index, (client, value) in enumerate(sorted(values.items(), key=lambda each: each[1])):
        y = top + HEAD + index * LINE
        kind = ' class="ours"' if client == "standby" else ""
        length = max(2.0, BARS * max(0.0, value) / most)
        lines += [
            f'<text{kind} x="{LABELS - 8}" y="{y + 11}" text-anchor="end">{escape(NAMES[client])}</text>',
            f'<rect{kind} x="{LABELS}" y="{y}" width="{length:.1f}" height="14" rx="2"/>',
            f'<text{kind} x="{LABELS + length + 6:.1f}" y="{y + 11}">{_microseconds(value)}</text>',
        ]
    return lines


def _in_words(figures: list[Figure]) -> str:
    clients = {figure.client for figure in figures} & NAMES.keys()
    return f"CPU time beside {', '.join(NAMES[name] for name in CLIENTS if name in clients and name != 'standby')}"


def _microseconds(value: float) -> str:
    return f"{value:,.0f} µs" if value >= 10 else f"{value:.1f} µs"
