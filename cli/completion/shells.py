"""Answers what the scripts of the shells ask, each in the form that its shell takes."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, Final

import rich_click as click
from click.shell_completion import CompletionItem, ShellComplete

from mxgateway.printable import printable

from ..environment import Environment
from .offers import FOLDER, files_like
from .quoting import ascii_escaped, bash_word, powershell_word
from .scripts import BASH, FISH, POWERSHELL, ZSH
from .words import split_fish, split_posix, split_powershell

__all__ = ["complete", "script"]


class _Completer(ShellComplete):
    """What the shells have in common: one line for each answer, and nothing raw in it."""

    def complete(self) -> str:
        words, incomplete = self.get_completion_args()
        answers = [self.answer(item) for item in self.get_completions(words, incomplete)]
        # Whatever a value holds, it neither forges another answer nor reaches a screen raw.
        return "".join(
            f"{answer}\n" for answer in answers if answer is not None and _is_line(answer)
        )

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Answer with whole words: of `--output=js` also what stands before the value."""
        option, equals, _ = incomplete.partition("=")
        before = f"{option}=" if equals and option.startswith("-") else ""
        items: list[CompletionItem] = []
        for item in super().get_completions(args, incomplete):
            if item.type == "file":
                items += self.files(item.value, before)
            else:
                item.value = f"{before}{item.value}"
                items.append(item)
        return items

    def files(self, path: str, before: str) -> list[CompletionItem]:  # noqa: ARG002 - for fish
        """Let the shell complete the name of a file: give back what was typed of it."""
        return [CompletionItem(path if _is_line(path) else "", type="file")]

    def answer(self, item: CompletionItem) -> str | None:
        """Return the line that tells an answer, or None where this shell cannot take it."""
        raise NotImplementedError


class _BashComplete(_Completer):
    name = "bash"
    source_template = BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        typed = split_posix(line)
        # Readline replaces this end of the line, which begins at an open quote, or where one of
        # COMP_WORDBREAKS stands. What is before it stays.
        replaced = os.environ.get("COMP_WORD", line[typed.start :])
        before = split_posix(line.removesuffix(replaced))
        self._kept = before.incomplete if line.endswith(replaced) else None
        self._open = before.quote
        # Readline may refuse an answer that is shorter than what it replaces, so quotes stay.
        self._style = before.quote or split_posix(replaced).style
        return list(typed.words[1:]), typed.incomplete

    def answer(self, item: CompletionItem) -> str | None:
        if item.type == "file":
            return f"file,{item.value}"
        kept = self._kept
        # Tags are found whatever their case, and that of what stays is as it was typed.
        if kept is None or item.value[: len(kept)].casefold() != kept.casefold():
            return None
        try:
            word = bash_word(item.value[len(kept) :], self._style)
        except UnicodeEncodeError:
            return None
        # An answer that begins with the quote that is open before it replaces the quote too; of
        # `$'` only the second character.
        if self._open == "$'":
            word = word.removeprefix("$")
        return f"{item.type},{word}"


class _ZshComplete(_Completer):
    name = "zsh"
    source_template = ZSH

    def get_completion_args(self) -> tuple[list[str], str]:
        # The words as they were typed, each in $'...' of its own.
        typed = split_posix(os.environ.get("COMP_LINE", ""))
        words = [split_posix(word).incomplete for word in typed.words]
        return words[1:], split_posix(typed.incomplete).incomplete

    def answer(self, item: CompletionItem) -> str | None:
        if printable(item.value) != item.value:
            return None
        return f"{item.type}\t{item.value}\t{printable(item.help or '')}"


class _FishComplete(_Completer):
    name = "fish"
    source_template = FISH

    def get_completion_args(self) -> tuple[list[str], str]:
        typed = split_fish(os.environ.get("COMP_LINE", ""))
        return list(typed.words[1:]), typed.incomplete

    def files(self, path: str, before: str) -> list[CompletionItem]:
        # Fish's own function knows neither an option before the name nor line ends in it.
        return files_like(path, before=before)

    def answer(self, item: CompletionItem) -> str | None:
        if printable(item.value) != item.value:
            return None
        # Fish puts no blank after a folder by itself.
        return f"{item.value}\t{printable(item.help)}" if item.help else f"{item.value}"


class _PowerShellComplete(_Completer):
    name = "powershell"
    source_template = POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        typed = split_powershell(os.environ.get("COMP_LINE", ""))
        return list(typed.words[1:]), typed.incomplete

    def answer(self, item: CompletionItem) -> str | None:
        if item.type == "file":
            return None  # Where nothing is answered, PowerShell completes names of files itself.
        value = item.value
        if item.type == FOLDER and value.endswith("\\"):
            value = value[:-1] + "/"
        word = powershell_word(value)
        if word is None:
            return None
        # PowerShell refuses an empty description.
        return "\t".join(
            ascii_escaped(field) for field in (word, value, printable(item.help or value))
        )


_SHELLS: Final[dict[str, type[_Completer]]] = {
    kind.name: kind for kind in (_BashComplete, _ZshComplete, _FishComplete, _PowerShellComplete)
}
_ENCODING: Final = sys.getfilesystemencoding()


def _is_line(answer: str) -> bool:
    """Whether a shell can be told this: printable, but for tabs, and in its encoding."""
    words = answer.replace("\t", "")
    if printable(words) != words:
        return False
    try:
        answer.encode(_ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def script(shell: str, group: click.Command, program: str) -> str:
    """Return the script for a shell."""
    completer = _SHELLS[shell](group, {}, program, _variable(program))
    # Not `source()`: click's for bash runs the bash on the path to learn its version.
    return (completer.source_template % completer.source_vars()).strip() + "\n"


def complete(group: click.Command, program: str, environment: Environment) -> int:
    """Answer what a completion script asks; return 0, or 1 where it is no known question."""
    variable = _variable(program)
    shell, _, instruction = environment.variables[variable].partition("_")
    kind = _SHELLS.get(shell)
    if kind is None or instruction != "complete":
        return 1
    # Answers become words of a command line, and their lines end alike everywhere.
    stream: Any = environment.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=_ENCODING, newline="\n")
    environment.write(kind(group, {"obj": environment}, program, variable).complete())
    return 0


def _variable(program: str) -> str:
    return f"_{program}_COMPLETE".replace("-", "_").upper()
