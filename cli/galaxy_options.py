"""Options that say which objects of the galaxy to show."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import rich_click as click

from .options import Decorator

__all__ = ["filter_options", "start_options"]

_INT32: Final = click.IntRange(-(2**31), 2**31 - 1)


def start_options(what: str, text: str) -> Decorator:
    """Add the three ways to name the object to start at; the function gets them as `start`.

    Args:
        what: `root` or `parent`, with which the options begin.
        text: What the object is, for the help.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        names = [f"{what}_{way}" for way in ("gobject_id", "tag_name", "contained_path")]

        @functools.wraps(function)
        def wrapper(*arguments: Any, **rest: Any) -> Any:
            start = {name: rest.pop(name) for name in names}
            given = [f"--{n.replace('_', '-')}" for n, v in start.items() if v is not None]
            if len(given) > 1:
                raise click.UsageError(f"give only one of {' and '.join(given)}")
            return function(*arguments, start=start, **rest)

        result: Callable[..., Any] = wrapper
        for option in reversed(
            (
                click.option(
                    f"--{what}-gobject-id", type=_INT32, metavar="N", help=f"{text}, by its id."
                ),
                click.option(f"--{what}-tag-name", metavar="NAME", help=f"{text}, by tag name."),
                click.option(
                    f"--{what}-contained-path",
                    metavar="PATH",
                    help=f"{text}, by contained path.",
                ),
            )
        ):
            result = option(result)
        return result

    return decorate


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the filters of a walk over the galaxy; the function gets them as `filters`."""

    @functools.wraps(function)
    def wrapper(
        *arguments: Any,
        category_id: tuple[int, ...],
        template_chain_contains: tuple[str, ...],
        tag_name_glob: str,
        attributes: bool,
        alarm_bearing_only: bool,
        historized_only: bool,
        page_size: int | None,
        **rest: Any,
    ) -> Any:
        filters: dict[str, Any] = {
            "category_ids": category_id,
            "template_chain_contains": template_chain_contains,
            "tag_name_glob": tag_name_glob,
            "include_attributes": attributes,
            "alarm_bearing_only": alarm_bearing_only,
            "historized_only": historized_only,
        }
        if page_size is not None:
            filters["page_size"] = page_size
        return function(*arguments, filters=filters, **rest)

    result: Callable[..., Any] = wrapper
    for option in reversed(_FILTERS):
        result = option(result)
    return result


_FILTERS: Final = (
    click.option(
        "--category-id",
        multiple=True,
        type=_INT32,
        metavar="N",
        help="Only objects of this category; given again, of one of them. 13 is an area.",
    ),
    click.option(
        "--template-chain-contains",
        multiple=True,
        metavar="TEXT",
        help="Only objects with a template whose name has this; given again, one of these.",
    ),
    click.option(
        "--tag-name-glob",
        default="",
        metavar="PATTERN",
        help="Only objects whose whole tag name matches, ignoring case: * for any text, ? for one "
        "character.",
    ),
    click.option(
        "--attributes/--no-attributes",
        default=True,
        show_default=True,
        help="Whether objects come with their attributes.",
    ),
    click.option(
        "--alarm-bearing-only", is_flag=True, help="Only objects with an attribute with an alarm."
    ),
    click.option(
        "--historized-only", is_flag=True, help="Only objects with an attribute in history."
    ),
    click.option(
        "--page-size",
        type=click.IntRange(1, 2**31 - 1),
        metavar="N",
        help="Objects to ask for at a time.",
    ),
)
