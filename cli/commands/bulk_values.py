"""Many values at once: read, and written in each of the four ways; one result for each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import rich_click as click

from ..exit_codes import ExitCode
from ..method_options import (
    item_handles_option,
    items_option,
    secured_user_options,
    server_options,
    timestamp_option,
    type_option,
    user_id_option,
    values_option,
)
from ..options import Invocation, correlation_option, examples, gateway_command
from ..steps import Method, bulk_step

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import MxValue

__all__ = ["read_bulk", "write2_bulk", "write_bulk", "write_secured2_bulk", "write_secured_bulk"]

_ITEMS = "--session-id ID --server-handle 1 --item-handles 1,2 --type int32 --values 5,7"
_TIME = "--timestamp 2025-01-31T12:00:00Z"


@click.command(
    "read-bulk",
    epilog=examples(
        "mxgw-py read-bulk --session-id ID --server-handle 1 "
        "--items Tank_001.Level,Tank_002.Level --json"
    ),
)
@gateway_command
@server_options
@items_option
@click.option(
    "--timeout-ms",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Longest wait for one tag; 0 for the worker's default. Without --timeout the call gets "
    "the number of tags times this.",
)
@correlation_option
def read_bulk(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    items: tuple[str, ...],
    timeout_ms: int,
    correlation_id: str | None,
) -> ExitCode:
    """Read tags once; they need be neither added nor advised before.

    One that is advised is answered from the worker's cache, the others are awaited one after
    another. Every tag has its row; the exit code is 8 where some failed.
    """
    from ..output.bulk import READ, READ_RANKS

    seconds = invocation.connection.timeout
    return bulk_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.read_bulk(
            server_handle, items, timeout_ms=timeout_ms, timeout=seconds, correlation_id=c
        ),
        READ,
        READ_RANKS,
    )


@click.command("write-bulk", epilog=examples(f"mxgw-py write-bulk {_ITEMS} --json"))
@gateway_command
@server_options
@item_handles_option
@type_option
@values_option
@user_id_option
@correlation_option
def write_bulk(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handles: tuple[int, ...],
    type_name: str,
    values: str,
    user_id: int,
    correlation_id: str | None,
) -> ExitCode:
    """Write one value to each of several advised items, in this order.

    OK means accepted; an OnWriteComplete event follows for each. The exit code is 8 where some
    failed.
    """
    from mxgateway.generated.mxaccess_gateway.v1 import WriteBulkEntry

    entries = [
        WriteBulkEntry(item_handle=item, value=value, user_id=user_id)
        for item, value in _paired(item_handles, type_name, values)
    ]
    return _write(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write_bulk(server_handle, entries, correlation_id=c),
    )


@click.command("write2-bulk", epilog=examples(f"mxgw-py write2-bulk {_ITEMS} {_TIME}"))
@gateway_command
@server_options
@item_handles_option
@type_option
@values_option
@timestamp_option
@user_id_option
@correlation_option
def write2_bulk(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handles: tuple[int, ...],
    type_name: str,
    values: str,
    timestamp: datetime,
    user_id: int,
    correlation_id: str | None,
) -> ExitCode:
    """Write values with one time for all; else as write-bulk."""
    from mxgateway.generated.mxaccess_gateway.v1 import Write2BulkEntry
    from mxgateway.values import to_mx_value

    time = to_mx_value(timestamp, "time")
    entries = [
        Write2BulkEntry(item_handle=item, value=value, timestamp_value=time, user_id=user_id)
        for item, value in _paired(item_handles, type_name, values)
    ]
    return _write(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write2_bulk(server_handle, entries, correlation_id=c),
    )


@click.command(
    "write-secured-bulk",
    epilog=examples(f"mxgw-py write-secured-bulk {_ITEMS} --current-user-id 7"),
)
@gateway_command
@server_options
@item_handles_option
@type_option
@values_option
@secured_user_options
@correlation_option
def write_secured_bulk(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handles: tuple[int, ...],
    type_name: str,
    values: str,
    current_user_id: int,
    verifier_user_id: int,
    correlation_id: str | None,
) -> ExitCode:
    """Write values signed by the same users for all; see write-secured and write-bulk."""
    from mxgateway.generated.mxaccess_gateway.v1 import WriteSecuredBulkEntry

    entries = [
        WriteSecuredBulkEntry(
            item_handle=item,
            current_user_id=current_user_id,
            verifier_user_id=verifier_user_id,
            value=value,
        )
        for item, value in _paired(item_handles, type_name, values, secret=True)
    ]
    return _write(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write_secured_bulk(server_handle, entries, correlation_id=c),
    )


@click.command(
    "write-secured2-bulk",
    epilog=examples(f"mxgw-py write-secured2-bulk {_ITEMS} --current-user-id 7 {_TIME}"),
)
@gateway_command
@server_options
@item_handles_option
@type_option
@values_option
@timestamp_option
@secured_user_options
@correlation_option
def write_secured2_bulk(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handles: tuple[int, ...],
    type_name: str,
    values: str,
    timestamp: datetime,
    current_user_id: int,
    verifier_user_id: int,
    correlation_id: str | None,
) -> ExitCode:
    """Write values with one time and the same users for all; see write-secured-bulk."""
    from mxgateway.generated.mxaccess_gateway.v1 import WriteSecured2BulkEntry
    from mxgateway.values import to_mx_value

    time = to_mx_value(timestamp, "time")
    entries = [
        WriteSecured2BulkEntry(
            item_handle=item,
            current_user_id=current_user_id,
            verifier_user_id=verifier_user_id,
            value=value,
            timestamp_value=time,
        )
        for item, value in _paired(item_handles, type_name, values, secret=True)
    ]
    return _write(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write_secured2_bulk(server_handle, entries, correlation_id=c),
    )


def _paired(
    handles: tuple[int, ...], type_name: str, text: str, *, secret: bool = False
) -> list[tuple[int, MxValue]]:
    from ..typed_values import typed_values

    values: list[Any] = typed_values(text, type_name, len(handles), secret=secret)
    return list(zip(handles, values, strict=True))


def _write(
    invocation: Invocation, session_id: str, correlation_id: str | None, method: Method
) -> ExitCode:
    from ..output.bulk import WRITTEN, WRITTEN_RANKS

    return bulk_step(invocation, session_id, correlation_id, method, WRITTEN, WRITTEN_RANKS)
