"""Profiles: named connection settings in a TOML file of the user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from mxgateway.bounded_files import read_bounded
from mxgateway.errors import ConfigurationError
from mxgateway.nesting import parse_toml

from ..private_files import write_private
from .keys import is_literal
from .modes import open_to_others
from .places import named_path
from .table import CONNECTION, Setting

__all__ = ["PROFILE_KEYS", "Profiles", "check_name"]

PROFILE_KEYS: Final[dict[str, Setting]] = {s.name: s for s in CONNECTION if s.in_profile}
_PATHS: Final = ("ca_file", "client_cert", "client_key")
_NO_NAME: Final = "{!r} is no name for a profile; use up to 64 letters, digits, - and _"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_BYTES: Final = 1_000_000


@dataclass(slots=True)
class Profiles:
    """The profiles of one file.

    Attributes:
        path: The file, which need not exist.
        profiles: The settings of each profile, by its name.
        default: The profile that is taken where none is chosen, or None.
        seen: Which file was read; None for none.
    """

    path: Path
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    default: str | None = None
    seen: tuple[int, ...] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file; one that does not exist holds no profiles.

        Raises:
            ConfigurationError: It cannot be read, is no TOML, or holds what it must not.
        """
        seen = _look_of(path)  # before it is read: what changes from now on must not be lost
        try:
            text = read_bounded(path, _MOST_BYTES).decode("utf-8-sig")
        except FileNotFoundError:
            return cls(path)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(
                f"the profiles in {str(path)!r} cannot be read: {reason}; "
                "choose another file with --config"
            ) from error
        try:
            content = parse_toml(text)
        except ValueError as error:
            raise ConfigurationError(
                f"{str(path)!r} is no valid TOML: {error}; correct the line, or make the "
                "profiles anew with `mxgw-py profile add`"
            ) from error
        return cls(path, seen=seen)._take(content)

    def _take(self, content: Mapping[str, Any]) -> Self:
        tables = content.get("profiles", {})
        unknown = sorted(set(content) - {"default", "profiles"})
        if unknown or not isinstance(tables, dict):
            raise self._wrong(
                f"{', '.join(unknown) or 'profiles'}: only `default = NAME` and "
                "tables such as [profiles.NAME] may stand here"
            )
        for name, table in tables.items():
            if not _NAME.fullmatch(name):
                raise self._wrong(_NO_NAME.format(name))
            if not isinstance(table, dict):
                raise self._wrong(f"profiles.{name} is no table; write [profiles.{name}]")
            self.profiles[name] = {key: self._value(name, key, v) for key, v in table.items()}
        default = content.get("default")
        if default is not None and not isinstance(default, str):
            raise self._wrong("default must be the name of a profile")
        self.default = default or None
        return self

    def _value(self, name: str, key: str, value: Any) -> Any:
        setting = PROFILE_KEYS.get(key)
        if setting is None:
            raise self._wrong(
                f"profile {name} has the unknown key {key!r}; known are {', '.join(PROFILE_KEYS)}"
            )
        if setting.is_flag:
            if not isinstance(value, bool):
                raise self._wrong(f"profile {name}: {key} must be true or false")
            return value
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        takes_number = setting.kind is not None and not setting.secret
        if not isinstance(value, str) and not (numeric and takes_number):
            raise self._wrong(f"profile {name}: {key} must be text in quotes")
        try:
            return setting.parse(str(value))
        except ValueError as error:
            shown = "is wrong" if setting.secret else str(error)
            raise self._wrong(f"profile {name}: {key} {shown}") from error

    def _wrong(self, text: str) -> ConfigurationError:
        return ConfigurationError(f"{str(self.path)!r}: {text}")

    def get(self, name: str) -> dict[str, Any]:
        """Return the settings of a profile; files in it are relative to the folder of the file.

        Raises:
            ConfigurationError: There is no such profile.
        """
        self.require(name)
        settings = dict(self.profiles[name])
        for key in _PATHS:
            if key in settings:
                settings[key] = str(self.path.parent / named_path(settings[key]))
        return settings

    def require(self, name: str) -> None:
        """Check that a profile exists.

        Raises:
            ConfigurationError: It does not; the text names those that do.
        """
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles)) or "none"
            told = f"there is no profile {name!r} in {str(self.path)!r}; known: {known}. "
            if not _NAME.fullmatch(name):
                raise ConfigurationError(told + _NO_NAME.format(name))
            raise ConfigurationError(f"{told}Make it with `mxgw-py profile add {name} ...`")

    def warning(self) -> str:
        """Return what others can do with the file that they should not, or ""."""
        keys = (settings.get("api_key", "env:") for settings in self.profiles.values())
        return open_to_others(self.path, secret=any(map(is_literal, keys)))

    def save(self) -> None:
        """Write the file, whole or not at all, readable by the user alone.

        Comments of the old file are lost.

        Raises:
            ConfigurationError: It cannot be written, or is another one than was read.
        """
        if _look_of(self.path) != self.seen:
            raise ConfigurationError(
                f"{str(self.path)!r} was changed by somebody else at this moment, so nothing was "
                "written; run the command again"
            )
        try:
            write_private(self.path, self.to_toml().encode())
        except UnicodeEncodeError as error:
            raise ConfigurationError(
                "a setting has bytes that are no UTF-8 and cannot stand in a file of profiles"
            ) from error
        except OSError as error:
            raise ConfigurationError(
                f"the profiles cannot be written to {str(self.path)!r}: "
                f"{error.strerror or error}; choose another file with --config"
            ) from error

    def to_toml(self) -> str:
        """Return the content of the file: flat tables, sorted by name."""
        lines = [] if self.default is None else [f"default = {_toml(self.default)}"]
        for name in sorted(self.profiles):
            lines += ["", f"[profiles.{name}]"] if lines else [f"[profiles.{name}]"]
            table = self.profiles[name]
            lines += [f"{key} = {_toml(table[key])}" for key in PROFILE_KEYS if key in table]
        return "".join(line + "\n" for line in lines)


def _look_of(path: Path) -> tuple[int, ...] | None:
    """Return what tells a file from one that takes its place; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def check_name(name: str) -> None:
    """Check the name of a profile.

    Raises:
        ConfigurationError: It is no name.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(_NO_NAME.format(name))


def _toml(value: str | bool | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return '"' + "".join(_TOML_ESCAPES.get(c) or c for c in value) + '"'


# TOML 1.0, basic strings: quote, backslash and control characters must be escaped.
_TOML_ESCAPES: Final = {chr(n): f"\\u{n:04x}" for n in [*range(0x20), 0x7F]} | {
    '"': '\\"',
    "\\": "\\\\",
}
