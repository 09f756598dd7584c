"""Records what a command writes to a terminal, and keeps the last screen as SVG.

The command runs in this process and writes to a terminal emulator. Numbers that differ from
run to run, such as a free port, are replaced on the way.
"""

from __future__ import annotations

import html
import io
import os
import re
from collections.abc import Mapping
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

__all__ = ["Terminal", "save", "words_of"]

_COLOURS = {"brown": "yellow"}


class Terminal(io.StringIO):
    """A stream that is a terminal of a given size.

    Args:
        columns: Its width.
        lines: Its height; what scrolls out is not in the picture.
        replaced: Texts that stand for others, of the same length where a table holds them.
    """

    def __init__(self, columns: int, lines: int, replaced: Mapping[str, str]) -> None:
        super().__init__()
        self.columns = columns
        self.replaced = dict(replaced)
        self._screen = pyte.Screen(columns, lines)
        self._screen.set_mode(pyte.modes.LNM)
        self._stream = pyte.Stream(self._screen)
        # What rich asks the environment, it must hear of this terminal.
        os.environ.update(COLUMNS=str(columns), LINES=str(lines), TERM="xterm-256color")
        os.environ.pop("NO_COLOR", None)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        shown = text
        for old, new in self.replaced.items():
            shown = shown.replace(old, new)
        self._stream.feed(shown)
        return len(text)

    def lines(self) -> list[Text]:
        """Return the screen without the empty lines at its end."""
        rows = [self._line(self._screen.buffer[n]) for n in range(self._screen.lines)]
        while rows and not rows[-1].plain:
            rows.pop()
        return rows

    def _line(self, row: Mapping[int, Any]) -> Text:
        line = Text()
        cells = (row[column] for column in range(self.columns))
        for style, run in groupby(cells, key=_style):
            line.append("".join(cell.data for cell in run), style)
        line.rstrip()
        return line


def _style(cell: Any) -> Style:
    colour = _COLOURS.get(cell.fg, cell.fg)
    if colour.startswith("bright"):
        colour = f"bright_{colour.removeprefix('bright')}"
    elif re.fullmatch("[0-9a-f]{6}", colour):
        colour = f"#{colour}"
    return Style(
        color=colour,
        bold=cell.bold or None,
        italic=cell.italics or None,
        reverse=cell.reverse or None,
    )


def save(terminal: Terminal, path: Path, title: str) -> str:
    """Return the screen as SVG for `path`; its name is in the ids within."""
    console = Console(width=terminal.columns, record=True, file=io.StringIO(), force_terminal=True)
    for line in terminal.lines():
        console.print(line, soft_wrap=True)
    # The template of --export: whoever looks at the page must not ask another site for fonts.
    export: Any = import_module("mxgateway_cli.output.live_export")
    svg: str = export.svg_of(console, title, unique_id=path.stem)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def words_of(svg: str) -> list[str]:
    """Return the text of a picture, which does not depend on who drew it."""
    found = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
    return html.unescape(" ".join(found)).replace("\xa0", " ").split()
