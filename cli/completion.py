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
    split_arg_string,
)

from mxgateway.errors import ConfigurationError

from .environment import Environment
from .settings.layers import weigh_connection
from .settings.places import cache_folder, profile_file
from .settings.profiles import Profiles

__all__ = [
    "complete",
    "known_objects",
    "known_tags",
    "named_files",
    "profile_names",
    "remember_tags",
    "script",
]

_MOST_OFFERED: Final = 500
_MOST_REMEMBERED: Final = 200_000

# click's own script gives the words as bash breaks them, also at `:` and `=`: of an endpoint
# nothing is left. Here the line is given, and answers begin where bash's last word does.
_BASH: Final = """\
%(complete_func)s() {
    local IFS=$'\\n' answer type value
    COMPREPLY=()
    while read -r answer; do
        answer=${answer%%$'\r'}
        type=${answer%%%%,*}
        value=${answer#*,}
        if [[ $type == file ]]; then
            compopt -o default
        elif [[ $type == plain ]]; then
            COMPREPLY+=("$value")
        fi
    done < <(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

# As click's, but a description goes on after a comma.
_FISH: Final = """\
function %(complete_func)s
    set -l answers (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \\
        COMP_CWORD=(commandline -t) %(prog_name)s)
    for answer in $answers
        set -l parts (string split -m 1 "," -- $answer)
        if test $parts[1] = file
            __fish_complete_path $parts[2]
        else if test $parts[1] = plain
            echo $parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

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


class _Whole(ShellComplete):
    """Answers with whole words: of `--output=js` also what stands before the value."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        items = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("-"):
            for item in items:
                if item.type == "plain":
                    item.value = f"{option}={item.value}"
        return items


class _BashComplete(_Whole, BashComplete):
    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)[1:]
        incomplete = "" if not words or line[-1:].isspace() else words.pop()
        breaks = os.environ.get("COMP_WORDBREAKS", "")
        # @ and $ break words too, but stay part of the next one.
        places = {mark: incomplete.rfind(mark) + (mark not in "@$") for mark in breaks}
        self._before = max([0, *places.values()])
        return words, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        # Bash puts the answer in the place of what follows the last character that breaks words.
        return f"{item.type},{item.value[self._before :]}"


class _ZshComplete(_Whole, ZshComplete):
    """As click's."""


class _FishComplete(_Whole, FishComplete):
    source_template = _FISH


class _PowerShellComplete(_Whole):
    """Words between line ends, and the incomplete one by itself."""

    name = "powershell"
    source_template = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        words = os.environ.get("COMP_WORDS", "").splitlines()[1:]
        incomplete = os.environ.get("COMP_CWORD", "")
        if incomplete and words and words[-1] == incomplete:
            words.pop()
        return [word.strip("'\"") for word in words], incomplete.strip("'\"")

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        # Where nothing is answered, PowerShell completes names of files by itself.
        items = super().get_completions(args, incomplete)
        return [item for item in items if item.type == "plain"]

    def format_completion(self, item: CompletionItem) -> str:
        # PowerShell refuses an empty description.
        return f"{item.value}\t{item.help or item.value}"


_SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": _BashComplete,
    "zsh": _ZshComplete,
    "fish": _FishComplete,
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
    return _offered(_remembered(context), incomplete)


def known_objects(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the objects of remembered tags, as `known_tags` does."""
    return _offered(
        dict.fromkeys(tag.partition(".")[0] for tag in _remembered(context)), incomplete
    )


def _offered(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    wanted = incomplete.casefold()
    found = (name for name in names if name.casefold().startswith(wanted))
    return [CompletionItem(name) for name, _ in zip(found, range(_MOST_OFFERED), strict=False)]


def _remembered(context: click.Context) -> list[str]:
    environment = context.find_object(Environment)
    variables: Mapping[str, str] = os.environ if environment is None else environment.variables
    try:
        endpoint = weigh_connection(context.params, {}, variables)["endpoint"].content
        return _file(variables, endpoint).read_text(encoding="utf-8").splitlines()
    except (ConfigurationError, click.UsageError, OSError, UnicodeDecodeError):
        return []  # Completion is a help; what is wrong is told by the command.


def named_files(incomplete: str) -> list[CompletionItem]:
    """Return the files and folders that `@` and the beginning of a path can become."""
    folder, name = os.path.split(incomplete[1:])
    try:
        with os.scandir(Path(folder).expanduser()) as entries:
            found = sorted((e.name, e.is_dir()) for e in entries if e.name.startswith(name))
    except (OSError, RuntimeError):  # no such folder, or nobody's home
        return []
    typed = incomplete[: len(incomplete) - len(name)]
    return [
        CompletionItem(f"{typed}{entry}{os.sep if is_folder else ''}") for entry, is_folder in found
    ]


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
