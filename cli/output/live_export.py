"""What people see, as a picture in a file: SVG or HTML that needs nothing from the network."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from ..environment import Environment
from .console import terminal_width

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["check_export", "export", "export_option"]

_KINDS: Final = (".svg", ".html")
_WIDTH: Final = 120  # where no terminal says how wide
_FACES: Final = re.compile(r"@font-face\s*\{[^}]*\}\s*")


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
    from rich.console import Console

    columns = terminal_width(environment) if environment.is_terminal else _WIDTH
    console = Console(
        file=io.StringIO(),
        width=columns,
        record=True,
        force_terminal=True,
        color_system="truecolor",
        markup=False,
        emoji=False,
        highlight=False,
    )
    console.print(picture(columns))
    if path.lower().endswith(".svg"):
        # Plant machines have no internet: the fonts are those of the viewer.
        text = _FACES.sub("", console.export_svg(title=title))
    else:
        text = console.export_html(inline_styles=True)
    try:
        Path(path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.UsageError(
            f"--export: cannot write {path!r}: {error.strerror or error}"
        ) from error
    environment.note(f"Written to {path}.")
