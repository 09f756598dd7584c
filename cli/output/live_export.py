"""What people see, as a picture in a file: SVG or HTML that needs nothing from the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from mxgateway.printable import printable

from ..environment import Environment
from ..whole_files import write_whole
from .console import recording_console, terminal_width

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

__all__ = ["check_export", "export", "export_option", "svg_of"]

_KINDS: Final = (".svg", ".html")
_WIDTH: Final = 120  # where no terminal says how wide
# As rich's own (`Console.export_svg` says what it fills in), but plant machines have no internet:
# the fonts are those of the viewer. Nothing may be cut out of the result, which has foreign texts.
_SVG: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: Fira Code, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
        font-variant-east-asian: full-width;
    }}

    .{unique_id}-title {{
        font-size: 18px;
        font-weight: bold;
        font-family: arial;
    }}

    {styles}
    </style>

    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>

    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" \
clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def export_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --export; the function gets the path, or None."""
    decorated: Callable[..., Any] = click.option(
        "--export",
        "export_file",
        type=click.Path(),
        metavar="FILE",
        callback=lambda _context, _parameter, value: check_export(value),
        help="Also write what is shown to a picture, FILE.svg or FILE.html.",
    )(function)
    return decorated


def check_export(path: str | None) -> str | None:
    """Return the path if its ending is one that can be written, and its folder is there.

    Raises:
        BadParameter: It is not.
    """
    if path is None:
        return None
    if Path(path).suffix.lower() not in _KINDS:
        raise click.BadParameter(f"{path!r} must end in {' or '.join(_KINDS)}")
    # Now, and not after an hour of watching.
    if not Path(path).absolute().parent.is_dir():
        raise click.BadParameter(f"{path!r}: there is no such folder")
    return path


def export(
    environment: Environment, path: str | None, title: str, picture: Callable[[int], RenderableType]
) -> None:
    """Write a picture to a file and say so; nothing where `path` is None.

    Args:
        title: What stands above an SVG.
        picture: Draws for a width in cells.

    Raises:
        UsageError: The file cannot be written.
    """
    if path is None:
        return
    columns = terminal_width(environment) if environment.is_terminal else _WIDTH
    console = recording_console(columns)
    console.print(_WithoutLinks(picture(columns)))
    if path.lower().endswith(".svg"):
        text = svg_of(console, title)
    else:
        text = console.export_html(inline_styles=True)
    try:
        write_whole(path, text)
    except OSError as error:
        raise click.UsageError(
            f"--export: cannot write {path!r}: {error.strerror or error}"
        ) from error
    environment.note(f"Written to {path}.")


def svg_of(console: Console, title: str, unique_id: str | None = None) -> str:
    """Return what a console has recorded as SVG that asks no other computer for anything.

    Args:
        title: What stands above it.
        unique_id: What the ids within begin with; None for a number made of the content.
    """
    return console.export_svg(title=printable(title), code_format=_SVG, unique_id=unique_id)


class _WithoutLinks:
    """A picture of which only text and colours are left; control characters escapes the console."""

    def __init__(self, picture: RenderableType) -> None:
        self._picture = picture

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        for text, style, control in console.render(self._picture, options):
            if control is None:
                plain = style.update_link(None) if style and style.link else style
                yield Segment(text, plain)
