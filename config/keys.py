"""Keys that live in files of their own, as mounted secrets do."""

from pathlib import Path

from ..providers.secret import Secret
from .model import ConfigError

KEY_BYTES_MAX = 64 * 1024


def read_key_file(path: str) -> Secret:
    """The key in a file, without the blanks and line ends around it.

    Raises:
        ConfigError: It cannot be read, is empty, too large, or no text; the message names the file only.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(KEY_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror or type(error).__name__}") from None
    if problem := _problem(data):
        raise ConfigError(f"the key file {path} {problem}")
    return Secret(data.decode().strip())


def _problem(data: bytes) -> str | None:
    if len(data) > KEY_BYTES_MAX:
        return f"is larger than {KEY_BYTES_MAX // 1024} KiB"
    key = data.strip()
    if not key:
        return "is empty"
    return None if key.isascii() and key.decode().isprintable() else "holds more than one line of plain characters"
