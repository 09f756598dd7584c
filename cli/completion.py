"""Completion in shells: the scripts, and what they ask for when a person presses Tab.

click knows bash, zsh and fish; PowerShell is added here. Tags come from a file that
browsing writes (`remember_tags`); without it none are offered, and nothing is ever sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import rich_click as click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)

from mxgateway.errors import ConfigurationError

from .environment import Environment
from .settings.layers import weigh_connection
from .settings.places import cache_folder, profile_file
from .settings.profiles import Profiles

__all__ = ["complete", "known_tags", "profile_names", "remember_tags", "script"]

_MOST_OFFERED: Final = 500
_MOST_REMEMBERED: Final = 200_000

_POWERSHELL: Final = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $env:COMP_WORDS = ($commandAst.CommandElements | ForEach-Object { $_.Extent.Text }) -join "`n"
    $env:COMP_CWORD = $wordToComplete
    $env:%(complete_var)s = "powershell_complete"
    try {
        %(prog_name)s | ForEach-Object {
            $parts = $_ -split "`t", 2
            [System.Management.Automation.CompletionResult]::new(
                $parts[0], $parts[0], 'ParameterValue', $parts[1])
        }
    } finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_CWORD, Env:%(complete_var)s
    }
}
"""


class _PowerShellComplete(ShellComplete):
    """Words between line ends, and the incomplete one by itself."""

    name = "powershell"
    source_template = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        words = os.environ.get("COMP_WORDS", "").splitlines()[1:]
        incomplete = os.environ.get("COMP_CWORD", "")
        if incomplete and words and words[-1] == incomplete:
            words.pop()
        return [word.strip("'\"") for word in words], incomplete.strip("'\"")

    def format_completion(self, item: CompletionItem) -> str:
        # PowerShell refuses an empty description.
        return f"{item.value}\t{item.help or item.value}"


_SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
    "powershell": _PowerShellComplete,
}


def script(shell: str, group: click.Command, program: str) -> str:
    """Return the script for a shell."""
    completer = _SHELLS[shell](group, {}, program, _variable(program))
    # Not `source()`: for bash it runs the bash on the path to learn its version.
    return (completer.source_template % completer.source_vars()).strip() + "\n"


def complete(group: click.Command, program: str, environment: Environment) -> int:
    """Answer what a completion script asks; return 0, or 1 where it is no known question."""
    variable = _variable(program)
    shell, _, instruction = environment.variables[variable].partition("_")
    kind = _SHELLS.get(shell)
    if kind is None or instruction != "complete":
        return 1
    text = kind(group, {"obj": environment}, program, variable).complete()
    environment.write(text + "\n" if text else "")
    return 0


def _variable(program: str) -> str:
    return f"_{program}_COMPLETE".replace("-", "_").upper()


def profile_names(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the names of profiles that begin as the incomplete word does."""
    environment = context.find_object(Environment)
    variables: Mapping[str, str] = os.environ if environment is None else environment.variables
    chosen = context.params.get("config") or variables.get("MXGATEWAY_CONFIG")
    try:
        profiles = Profiles.load(profile_file(variables, chosen))
    except ConfigurationError:
        return []  # The command itself will say what is wrong with the file.
    return [
        CompletionItem(name) for name in sorted(profiles.profiles) if name.startswith(incomplete)
    ]


def known_tags(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return remembered tags that begin as the incomplete word does; galaxy names have no case."""
    environment = context.find_object(Environment)
    variables: Mapping[str, str] = os.environ if environment is None else environment.variables
    try:
        endpoint = weigh_connection(context.params, {}, variables)["endpoint"].content
        text = _file(variables, endpoint).read_text(encoding="utf-8")
    except (ConfigurationError, click.UsageError, OSError):
        return []  # Completion is a help; what is wrong is told by the command.
    wanted = incomplete.casefold()
    found = (tag for tag in text.splitlines() if tag.casefold().startswith(wanted))
    return [CompletionItem(tag) for tag, _ in zip(found, range(_MOST_OFFERED), strict=False)]


def remember_tags(
    environment: Environment, endpoint: str, tags: Iterable[str], *, whole: bool = True
) -> None:
    """Keep the tags of a browse for completion.

    A cache that cannot be written is told under --verbose and is no error.

    Args:
        whole: Whether these are the tags of the whole galaxy, which take the place of those kept
            before; else they are added to them.
    """
    path = _file(environment.variables, endpoint)
    found = set(tags)
    if not whole:
        # Without a file there is nothing to add to; what else is wrong shows on writing.
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found.update(path.read_text(encoding="utf-8").splitlines())
    kept = sorted(found)[:_MOST_REMEMBERED]
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text("".join(tag + "\n" for tag in kept), encoding="utf-8")
        new.replace(path)
    except OSError as error:
        environment.fact(f"The tags are not remembered for completion: {error}")


def _file(variables: Mapping[str, str], endpoint: str) -> Path:
    name = hashlib.sha256(endpoint.strip().lower().encode()).hexdigest()[:16]
    return cache_folder(variables) / f"tags-{name}.txt"
