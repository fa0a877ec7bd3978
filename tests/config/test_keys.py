"""Keys in files of their own."""

from pathlib import Path

import pytest
from standby.config.errors import ConfigError
from standby.config.keys import KEY_BYTES_MAX, read_key_file
from standby.providers.secret import Secret

from canaries import CANARY_KEY, assert_no_canary


@pytest.mark.parametrize("text", ["sk-1", "sk-1\n", " sk-1\r\n", "\nsk-1\n\n"])
def test_blanks_and_line_ends_around_a_key_are_not_part_of_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    assert read_key_file(str(tmp_path / "key")) == Secret("sk-1")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (CANARY_KEY.encode() + b"\nsecond", "holds more than one line of plain characters"),
        (CANARY_KEY.encode() + b"\xff", "holds more than one line of plain characters"),
        (CANARY_KEY.encode() + b"\0", "holds more than one line of plain characters"),
        (CANARY_KEY.encode() * KEY_BYTES_MAX, "is larger than 64 KiB"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_key_file(str(tmp_path / "key"))
    assert str(caught.value) == f"the key file {tmp_path / 'key'} {message}"
    assert_no_canary(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone cannot be read: No such file or directory"):
        read_key_file(str(tmp_path / "gone"))
