"""Options that several of these commands have."""

from __future__ import annotations

import rich_click as click

from ..options import Decorator
from .patterns import MOST_TAGS

__all__ = ["max_tags_option"]

max_tags_option: Decorator = click.option(
    "--max-tags",
    type=click.IntRange(min=1),
    default=MOST_TAGS,
    show_default=True,
    metavar="N",
    help="Tags that patterns may stand for; more are refused before anything is advised.",
)
