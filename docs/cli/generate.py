"""Writes reference.md: every shared setting, and the help of every command as it is printed.

python docs/cli/generate.py [--check]
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("reference.md")
WIDTH = 100

_HEAD = """\
# Command reference

This page is generated from the commands themselves by `docs/cli/generate.py`;
[The command line](../cli.md) explains what they have in common.

## Settings

Each can be given as an option, as an environment variable and, where the last column says so, in
a profile. An option wins over the variable, the variable over the profile, the profile over the
default. Flags take 1 or 0 as a variable, true or false in a profile. Every other option of a
command has the variable `MXGATEWAY_<COMMAND>_<OPTION>`, such as `MXGATEWAY_SMOKE_MAX_EVENTS`.

"""


def render() -> str:
    """Return the page."""
    # What the help looks like must not depend on who generates it.
    os.environ.update(COLUMNS=str(WIDTH), LINES="40", NO_COLOR="1", TERM="dumb")
    table = import_module("mxgateway_cli.settings.table")
    rows = ["| option | variable | in a profile | meaning |", "|---|---|---|---|"]
    for setting in table.SETTINGS:
        value = "" if setting.is_flag else f" {setting.metavar}"
        default = "" if setting.default is None else f" Default: `{setting.default}`."
        rows.append(
            f"| `{setting.option}{value}` | `{setting.variable}` | "
            f"{f'`{setting.name}`' if setting.in_profile else ''} | {setting.help}{default} |"
        )
    rows.append("| `--json` | `MXGATEWAY_OUTPUT=json` | | Same as `--output json`. |")
    pages = [_HEAD + "\n".join(rows) + "\n"]
    for words, text in helps():
        level = "##" if len(words) <= 2 else "###"
        pages.append(f"{level} {' '.join(words)}\n\n```text\n{text}\n```\n")
    return "\n".join(pages)


def helps() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield words and help of the program and of every command, in the order of the help."""
    app = import_module("mxgateway_cli.app")
    yield from _helps(app.group, app.PROGRAM, None)


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    words = tuple(context.command_path.split())
    yield words, "\n".join(lines).strip("\n")
    if hasattr(command, "list_commands"):
        for inner in command.list_commands(context):
            yield from _helps(command.get_command(context, inner), inner, context)


def words_of(page: str) -> list[str]:
    """Return the words of a page without frames and line breaks, which differ between terminals."""
    return re.sub(r"[\u2500-\u257f|+]|-{3,}", " ", page).split()


def main() -> int:
    """Write the page, or with --check say whether it is current; return the exit code."""
    new = render()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(new, encoding="utf-8", newline="\n")
        return 0
    if not PAGE.is_file() or words_of(PAGE.read_text(encoding="utf-8")) != words_of(new):
        sys.stderr.write("docs/cli/reference.md is not current; run python docs/cli/generate.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
