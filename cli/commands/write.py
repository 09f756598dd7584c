"""`write`: a value to an item by its handles, or to a tag by its name."""

from __future__ import annotations

import rich_click as click

from ..exit_codes import ExitCode
from ..method_options import HANDLE, TYPE_HELP, user_id_option
from ..options import Invocation, OutputFormat, correlation_option, examples, gateway_command
from ..tags.write_form import TagWriteForm, tag_write_options, write_tags

__all__ = ["write"]

_NAMES = ("--session-id", "--server-handle", "--item-handle", "--type", "--value")


@click.command(
    "write",
    # A value may begin with a minus sign; the form by tag refuses what is a misspelt option.
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "mxgw-py write Tank_001.Setpoint 40",
        "mxgw-py write --session-id ID --server-handle 1 --item-handle 1 --type int32 --value 5",
        "mxgw-py write --session-id ID --server-handle 1 --item-handle 2 "
        "--type string[] --value a,b",
    ),
)
@gateway_command
@tag_write_options
@click.option("--session-id", metavar="ID", help="Session that open-session gave.")
@click.option("--server-handle", type=HANDLE, metavar="N", help="Handle that register gave.")
@click.option("--item-handle", type=HANDLE, metavar="N", help="Handle that add-item gave.")
@click.option(
    "--type",
    "type_name",
    metavar="TYPE",
    help=f"{TYPE_HELP} For a tag its own type is taken where this is not given.",
)
@click.option(
    "--value",
    metavar="TEXT",
    help="The value; elements of an array between commas, or a JSON array.",
)
@user_id_option
@correlation_option
def write(
    invocation: Invocation,
    form: TagWriteForm,
    session_id: str | None,
    server_handle: int | None,
    item_handle: int | None,
    type_name: str | None,
    value: str | None,
    user_id: int,
    correlation_id: str | None,
) -> ExitCode | None:
    """Write to a tag by its name, or to an advised item by its handles.

    By name, the command waits and says how the write ended. By handles, the reply says that
    MXAccess accepted the write; how it ended comes later, as an OnWriteComplete event of the item.
    """
    by_handle = (session_id, server_handle, item_handle, value)
    if form.given:
        if any(part is not None for part in (*by_handle, correlation_id)) or user_id:
            raise click.UsageError(
                "a write by tag takes neither handles nor --value, --user-id or --correlation-id"
            )
        return write_tags(invocation, form, type_name)
    if all(part is None for part in by_handle):
        raise click.UsageError(f"give TAG VALUE, or {', '.join(_NAMES[:-1])} and {_NAMES[-1]}")
    if (
        session_id is None
        or server_handle is None
        or item_handle is None
        or type_name is None
        or value is None
    ):
        given = (session_id, server_handle, item_handle, type_name, value)
        missing = [name for name, part in zip(_NAMES, given, strict=True) if part is None]
        raise click.UsageError(
            f"a write by handles needs {' and '.join(missing)} too; for a write by tag give "
            "TAG VALUE and none of these"
        )
    from ..steps import single_step
    from ..typed_values import typed_value

    built = typed_value("--value", value, type_name)
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.write(server_handle, item_handle, built, user_id=user_id, correlation_id=c),
    )
    tell_accepted(invocation, item_handle)
    return None


def tell_accepted(invocation: Invocation, item_handle: int) -> None:
    """Say to people where the outcome of a write comes."""
    if invocation.format is OutputFormat.TABLE:
        invocation.environment.note(
            "Accepted. The outcome follows as an OnWriteComplete event of item "
            f"{item_handle}: see stream-events."
        )
