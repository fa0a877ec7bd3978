"""Keys that live in files of their own, as mounted secrets do."""

from ..providers.files import UnreadableFile, read_bounded
from ..providers.secret import Secret
from .errors import ConfigError

KEY_BYTES_MAX = 64 * 1024


def read_key_file(path: str) -> Secret:
    """The key in a file, without the blanks and line ends around it.

    Raises:
        ConfigError: It cannot be read, is empty, too large, or no text; the message names the file only.
    """
    try:
        data = read_bounded(path, KEY_BYTES_MAX)
    except UnreadableFile as error:
        raise ConfigError(f"the key file {path} {error}") from None
    return key_in(data, path)


def key_in(data: bytes, path: str) -> Secret:
    """The key in what a file holds.

    Raises:
        ConfigError: There is none; the message names the file only.
    """
    if problem := _problem(data):
        raise ConfigError(f"the key file {path} {problem}")
    return Secret(data.decode().strip())


def _problem(data: bytes) -> str | None:
    key = data.strip()
    if not key:
        return "is empty"
    return None if key.isascii() and key.decode().isprintable() else "holds more than one line of plain characters"
