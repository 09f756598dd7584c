"""`authenticate-user` and `archestra-user-to-id`: ids of users, for secured writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from ..method_options import server_options
from ..options import Invocation, correlation_option, examples, gateway_command
from ..output.results import Fields
from ..steps import single_step
from ..tags.passwords import PasswordSource

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import MxCommandReply

__all__ = ["archestra_user_to_id", "authenticate_user"]


@click.command(
    "authenticate-user",
    epilog=examples(
        "mxgw-py authenticate-user --session-id ID --server-handle 1 --user operator",
        "mxgw-py authenticate-user --session-id ID --server-handle 1 --user operator "
        "--password-env PLANT_PASSWORD --json",
    ),
)
@gateway_command
@server_options
@click.option(
    "--user", required=True, metavar="NAME", help="Who signs in; DOMAIN\\user for a Windows user."
)
@click.option("--password-env", metavar="NAME", help="Variable that holds the password.")
@click.option(
    "--password-file",
    type=click.Path(),
    metavar="FILE",
    help="File with the password on its first line.",
)
@correlation_option
def authenticate_user(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    user: str,
    password_env: str | None,
    password_file: str | None,
    correlation_id: str | None,
) -> None:
    """Check a login; gives the user id for secured writes of this session.

    Without --password-env and --password-file the password is asked for. There is no option for
    the password itself, as others can see command lines.
    """
    source = PasswordSource(password_env, password_file, "--password")
    password = source.read(invocation.environment, user)
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.authenticate_user(server_handle, user, password, correlation_id=c),
        facts=_user_id,
        hide=True,
    )


@click.command(
    "archestra-user-to-id",
    epilog=examples(
        "mxgw-py archestra-user-to-id --session-id ID --server-handle 1 "
        "--user-guid 5c1d2a6e-0f5b-4b7e-9a51-2f6d1c3e4b70"
    ),
)
@gateway_command
@server_options
@click.option("--user-guid", required=True, metavar="GUID", help="GUID of the galaxy user.")
@correlation_option
def archestra_user_to_id(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    user_guid: str,
    correlation_id: str | None,
) -> None:
    """Look up a galaxy user by GUID; gives the user id."""
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.archestra_user_to_id(server_handle, user_guid, correlation_id=c),
        facts=_user_id,
    )


def _user_id(reply: MxCommandReply) -> Fields:
    payload = reply.authenticate_user or reply.archestra_user_to_id
    assert payload is not None  # The client has checked it.
    yield "User id", str(payload.user_id)
