"""Where the user's files are: profiles and trusted certificates here, remembered tags there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mxgateway.errors import ConfigurationError

__all__ = ["cache_folder", "config_folder", "named_path", "profile_file"]


def config_folder(variables: Mapping[str, str]) -> Path:
    r"""Return the folder of the user's settings.

    `%APPDATA%\mxgateway` on Windows, else `$XDG_CONFIG_HOME/mxgateway` or `~/.config/mxgateway`.
    """
    return _folder(variables, "APPDATA", "XDG_CONFIG_HOME", ".config")


def cache_folder(variables: Mapping[str, str]) -> Path:
    r"""Return the folder of what can be made again.

    `%LOCALAPPDATA%\mxgateway` on Windows, else `$XDG_CACHE_HOME/mxgateway` or
    `~/.cache/mxgateway`.
    """
    return _folder(variables, "LOCALAPPDATA", "XDG_CACHE_HOME", ".cache")


def _folder(variables: Mapping[str, str], windows: str, xdg: str, usual: str) -> Path:
    named = variables.get(windows if os.name == "nt" else xdg, "")
    # The XDG specification: a path that is not absolute is ignored.
    if named and Path(named).is_absolute():
        return Path(named) / "mxgateway"
    try:
        return Path.home() / usual / "mxgateway"
    except RuntimeError as error:
        name = windows if os.name == "nt" else xdg
        raise ConfigurationError(
            f"this user has no home folder for {usual}/mxgateway; set {name} to a folder"
        ) from error


def named_path(path: str) -> Path:
    """Return a path as somebody wrote it, with `~` for a home folder.

    One of nobody stays as it stands, as shells leave it; `Path.expanduser` would fail.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111


def profile_file(variables: Mapping[str, str], chosen: str | None) -> Path:
    """Return the file of the profiles: the chosen one, else the user's."""
    if chosen:
        return named_path(chosen)
    return config_folder(variables) / "profiles.toml"
