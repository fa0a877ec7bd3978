"""The exceptions for a configuration that makes no sense, in code and in files."""

from ..providers.errors import StandbyError, without_keys


class ConfigError(StandbyError, ValueError):
    """The configuration, or an argument that stands for it, makes no sense. The message says where and what to do.

    A value that looks like a key is not quoted in it.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(without_keys(arg) if isinstance(arg, str) else arg for arg in args))


class NoTargets(ConfigError):
    """Raised when no target is configured. The library never makes an answer up."""
