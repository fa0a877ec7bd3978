"""What `model` means to a key: what it may not ask is as unknown to it as what is not there."""

import pytest
from standby.config import ClientKey, Config, Route, Serve, Target
from standby.gateway.access import OPEN
from standby.gateway.model_names import Meant, askable, meant

CONFIG = Config(
    targets={"fast": Target("openai", model="gpt-5-nano"), "chat": Target("koala"), "free": Target("koala")},
    routes={"chat": Route(("fast", "free")), "secret": Route(("fast",))},
)
SERVE = Serve(auth="none", aliases={"gpt-4o": "chat", "haiku": "anthropic/claude-haiku", "mini": "fast"})
CATCHING = Serve(auth="none", aliases={"*": "chat", "gpt-4o": "secret"})
ROUTES = ClientKey()
CHAT = ClientKey(routes=["chat"])
TARGETS = ClientKey(routes=[], models=["fast", "anthropic/*", "groq/llama"])


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("chat", ROUTES, Meant(route="chat")),
        ("chat", TARGETS, None),
        ("secret", CHAT, None),
        ("gpt-4o", CHAT, Meant(route="chat")),
        ("gpt-4o", TARGETS, None),
        ("fast", TARGETS, Meant(target="fast")),
        ("fast", CHAT, None),
        ("mini", TARGETS, Meant(target="fast")),
        ("mini", CHAT, None),
        ("free", TARGETS, None),
        ("free", OPEN, Meant(target="free")),
        ("haiku", TARGETS, Meant(target="anthropic/claude-haiku")),
        ("anthropic/claude-opus", TARGETS, Meant(target="anthropic/claude-opus")),
        ("anthropic/", TARGETS, None),
        ("anthropic", TARGETS, None),
        ("anthropicx/m", TARGETS, None),
        ("groq/llama", TARGETS, Meant(target="groq/llama")),
        ("groq/llama-2", TARGETS, None),
        ("openai/gpt-5-nano", TARGETS, None),
        ("openai/gpt-5", OPEN, Meant(target="openai/gpt-5")),
        ("gpt-5", OPEN, None),
        ("", OPEN, None),
        ("*", OPEN, None),
        ("CHAT", OPEN, None),
        ("chat ", OPEN, None),
        ("x/" + "y" * 300, OPEN, None),
    ],
)
def test_a_name(name: str, key: ClientKey, expected: Meant | None) -> None:
    assert meant(name, CONFIG, SERVE, key) == expected


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("anything", CHAT, Meant(route="chat")),
        ("openai/gpt-5", CHAT, Meant(route="chat")),
        ("openai/gpt-5", OPEN, Meant(target="openai/gpt-5")),
        ("secret", CHAT, None),
        ("gpt-4o", CHAT, None),
        ("fast", CHAT, None),
        ("anything", TARGETS, None),
        ("*", CHAT, Meant(route="chat")),
        ("", CHAT, Meant(route="chat")),
    ],
)
def test_the_alias_for_all_others_stands_for_no_name_that_is_there(
    name: str, key: ClientKey, expected: Meant | None
) -> None:
    assert meant(name, CONFIG, CATCHING, key) == expected


def test_a_list_has_what_may_be_asked_and_no_more() -> None:
    assert list(askable(CONFIG, SERVE, OPEN)) == ["chat", "secret", "gpt-4o", "haiku", "mini", "fast", "free"]
    assert list(askable(CONFIG, SERVE, CHAT)) == ["chat", "gpt-4o"]
    assert list(askable(CONFIG, SERVE, TARGETS)) == ["haiku", "mini", "fast"]
    assert list(askable(CONFIG, CATCHING, CHAT)) == ["chat"]
    for key in (OPEN, CHAT, TARGETS):
        assert all(meant(name, CONFIG, SERVE, key) for name in askable(CONFIG, SERVE, key))
