"""The other writes to an item by its handles: with a time, signed by users, parts of an array."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ..method_options import (
    item_options,
    secured_user_options,
    timestamp_option,
    type_option,
    user_id_option,
    value_option,
)
from ..options import Invocation, correlation_option, examples, gateway_command
from ..steps import single_step
from .write import tell_accepted

__all__ = ["write2", "write_array_elements", "write_secured", "write_secured2"]

_ITEM = "--session-id ID --server-handle 1 --item-handle 1"


@click.command(
    "write2",
    epilog=examples(
        f"mxgw-py write2 {_ITEM} --type double --value 1.5 --timestamp 2025-01-31T12:00:00Z"
    ),
)
@gateway_command
@item_options
@type_option
@value_option
@timestamp_option
@user_id_option
@correlation_option
def write2(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handle: int,
    type_name: str,
    value: str,
    timestamp: datetime,
    user_id: int,
    correlation_id: str | None,
) -> None:
    """Write a value with its time to an advised item; all else as write by handles."""
    from ..typed_values import typed_value

    built = typed_value("--value", value, type_name)
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write2(
            server_handle, item_handle, built, timestamp, user_id=user_id, correlation_id=c
        ),
    )
    tell_accepted(invocation, item_handle)


@click.command(
    "write-secured",
    epilog=examples(f"mxgw-py write-secured {_ITEM} --type int32 --value 5 --current-user-id 7"),
)
@gateway_command
@item_options
@type_option
@value_option
@secured_user_options
@correlation_option
def write_secured(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handle: int,
    type_name: str,
    value: str,
    current_user_id: int,
    verifier_user_id: int,
    correlation_id: str | None,
) -> None:
    """Write to an item of the class secured or verified, signed by users of authenticate-user.

    Verified asks for a second, other user who confirms. The value is shown in no message.
    """
    from ..typed_values import typed_value

    built = typed_value("--value", value, type_name, secret=True)
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write_secured(
            server_handle,
            item_handle,
            built,
            current_user_id=current_user_id,
            verifier_user_id=verifier_user_id,
            correlation_id=c,
        ),
    )
    tell_accepted(invocation, item_handle)


@click.command(
    "write-secured2",
    epilog=examples(
        f"mxgw-py write-secured2 {_ITEM} --type int32 --value 5 --current-user-id 7 "
        "--timestamp 2025-01-31T12:00:00Z"
    ),
)
@gateway_command
@item_options
@type_option
@value_option
@timestamp_option
@secured_user_options
@correlation_option
def write_secured2(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handle: int,
    type_name: str,
    value: str,
    timestamp: datetime,
    current_user_id: int,
    verifier_user_id: int,
    correlation_id: str | None,
) -> None:
    """Write a value with its time, signed by users; see write-secured."""
    from ..typed_values import typed_value

    built = typed_value("--value", value, type_name, secret=True)
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write_secured2(
            server_handle,
            item_handle,
            built,
            timestamp,
            current_user_id=current_user_id,
            verifier_user_id=verifier_user_id,
            correlation_id=c,
        ),
    )
    tell_accepted(invocation, item_handle)


@click.command(
    "write-array-elements",
    epilog=examples(
        f"mxgw-py write-array-elements {_ITEM} --type int32 --total-length 10 "
        "--element 0=5 --element 9=7"
    ),
)
@gateway_command
@item_options
@click.option(
    "--type",
    "type_name",
    required=True,
    metavar="TYPE",
    help="Type of the elements: bool, int32, int64, float, double, string, time or elapsed.",
)
@click.option(
    "--total-length",
    required=True,
    type=click.IntRange(1, 2**32 - 1),
    metavar="N",
    help="Elements of the whole array.",
)
@click.option(
    "--element",
    "elements",
    required=True,
    multiple=True,
    metavar="INDEX=VALUE",
    help="One element, counted from 0; given again for each.",
)
@user_id_option
@correlation_option
def write_array_elements(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handle: int,
    type_name: str,
    total_length: int,
    elements: tuple[str, ...],
    user_id: int,
    correlation_id: str | None,
) -> None:
    """Write some elements of an array and RESET all others to 0, false, "" or 1970.

    To change one element alone, add the item Attribute[n], which counts from 1, and write that.
    """
    from ..typed_values import elements_of

    built = elements_of(elements, type_name)
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write_array_elements(
            server_handle,
            item_handle,
            built,
            total_length=total_length,
            data_type=type_name,
            user_id=user_id,
            correlation_id=c,
        ),
    )
    tell_accepted(invocation, item_handle)
