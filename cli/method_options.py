"""Options that several commands for MXAccess methods have, and the types of their values."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from .options import Decorator, complete_tag, item_handle_option, server_handle_option
from .options import session_option as _session_option

__all__ = [
    "HANDLE",
    "TIME",
    "TYPE_HELP",
    "context_option",
    "item_handles_option",
    "item_option",
    "item_options",
    "items_option",
    "secured_user_options",
    "server_options",
    "timestamp_option",
    "type_option",
    "user_id_option",
    "value_option",
    "values_option",
]

HANDLE: Final = click.IntRange(1, 2**31 - 1)
_USER: Final = click.IntRange(-(2**31), 2**31 - 1)

TYPE_HELP: Final = (
    "bool, int32, int64, float, double, string, time, elapsed, or an array of them such as int32[]."
)


# Generic in newer releases of click only.
if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType


class _Cells(_ParamType):
    """Texts between commas, with CSV quotes where one holds a comma."""

    name = "texts"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        try:
            rows = list(csv.reader([value], strict=True, skipinitialspace=True))
        except csv.Error as error:
            self.fail(f"{value!r} cannot be read: {error}", param, ctx)
        cells = [cell.strip() for cell in rows[0]] if rows else []
        if not cells or not all(cells):
            self.fail(f"{value!r}: give one or more between commas, none of them empty", param, ctx)
        return tuple(self.cell(cell, param, ctx) for cell in cells)

    def cell(self, text: str, _param: click.Parameter | None, _ctx: click.Context | None) -> Any:
        """Return one element."""
        return text


class _Handles(_Cells):
    name = "handles"

    def cell(self, text: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return HANDLE.convert(text, param, ctx)


class _Time(_ParamType):
    """RFC 3339 with a time zone."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        from mxgateway.timestamp import Timestamp

        try:
            return Timestamp.parse(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time; give RFC 3339 with a time zone, such as "
                "2025-01-31T12:00:00.1234567Z",
                param,
                ctx,
            )


TIME: Final = _Time()


def _all(*options: Decorator) -> Decorator:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


server_options: Final = _all(_session_option, server_handle_option)
"""--session-id and --server-handle."""

item_options: Final = _all(_session_option, server_handle_option, item_handle_option)
"""--session-id, --server-handle and --item-handle."""

item_option: Final[Decorator] = click.option(
    "--item",
    required=True,
    metavar="TAG",
    shell_complete=complete_tag,
    help="Reference such as TestChildObject.TestInt.",
)


def context_option(*, required: bool) -> Decorator:
    """Add --item-context."""
    return click.option(
        "--item-context",
        required=required,
        default=None if required else "",
        metavar="OBJECT",
        help="Object that gives Me, MyContainer and the like in --item a meaning.",
    )


items_option: Final[Decorator] = click.option(
    "--items",
    required=True,
    type=_Cells(),
    metavar="TAG,TAG...",
    help="References between commas; one that holds a comma in double quotes.",
)
item_handles_option: Final[Decorator] = click.option(
    "--item-handles",
    required=True,
    type=_Handles(),
    metavar="N,N...",
    help="Handles between commas.",
)
type_option: Final[Decorator] = click.option(
    "--type", "type_name", required=True, metavar="TYPE", help=TYPE_HELP
)
value_option: Final[Decorator] = click.option(
    "--value",
    required=True,
    metavar="TEXT",
    help="The value; elements of an array between commas, or a JSON array.",
)
values_option: Final[Decorator] = click.option(
    "--values",
    required=True,
    metavar="TEXT,TEXT...",
    help="One value for each handle, between commas or as a JSON array; for an array type a JSON "
    "array of arrays.",
)
timestamp_option: Final[Decorator] = click.option(
    "--timestamp",
    required=True,
    type=TIME,
    metavar="TIME",
    help="Time of the value: RFC 3339 with a time zone, such as 2025-01-31T12:00:00.1234567Z.",
)
user_id_option: Final[Decorator] = click.option(
    "--user-id",
    type=_USER,
    default=0,
    show_default=True,
    metavar="N",
    help="User to record; it counts only on an item with a supervisory advise.",
)
secured_user_options: Final = _all(
    click.option(
        "--current-user-id",
        required=True,
        type=_USER,
        metavar="N",
        help="Who writes; the id that authenticate-user gave in this session.",
    ),
    click.option(
        "--verifier-user-id",
        type=_USER,
        default=0,
        show_default=True,
        metavar="N",
        help="Who confirms a verified write; 0 for nobody.",
    ),
)
"""--current-user-id and --verifier-user-id."""
