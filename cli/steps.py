"""One command in a session that an earlier command line opened, and its reply as output."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from mxgateway.errors import MxGatewayError

from .deadline import COMMAND_PHASE
from .exit_codes import ExitCode
from .failures import tell_partial
from .options import Invocation, OutputFormat
from .output.documents import json_document, reply_document
from .output.fields import FieldCheck, pick
from .output.ranked import write_ranked
from .output.results import Fields, write_result
from .output.rows import Shape, sink_for
from .signals import Interrupted

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import MxCommandReply
    from mxgateway.session import Session

    from .environment import Environment

__all__ = ["Method", "bulk_step", "rows_step", "single_step"]

T = TypeVar("T")
Method = Callable[["Session", str], Awaitable[object]]
"""Calls a method of the session; the text is the correlation id, empty for a fresh one."""

Ranks = Sequence[int | tuple[int, int]]

_HANDLES = {"serverHandle": "Server handle", "itemHandle": "Item handle"}


def single_step(
    invocation: Invocation,
    session_id: str,
    correlation_id: str | None,
    method: Method,
    *,
    facts: Callable[[MxCommandReply], Fields] | None = None,
    hide: bool = False,
) -> None:
    """Connect, run one command, write its reply; the session stays open.

    Args:
        method: Makes the call.
        facts: What the payload of the reply tells people.
        hide: Take the secrets known so far out of what the reply says in words.

    Raises:
        MxGatewayError: Connecting or the command failed.
        Interrupted: The user ended it.
    """
    from .calls import reply_fields

    replies: list[MxCommandReply] = []
    _run(invocation, session_id, correlation_id, method, replies)
    reply = replies[-1]
    if hide:
        _hide(reply, invocation.environment)
    document = reply_document(reply, correlation_id=correlation_id)

    def fields() -> Fields:
        yield from ((text, str(document[n])) for n, text in _HANDLES.items() if n in document)
        yield from () if facts is None else facts(reply)
        yield from reply_fields(reply)

    write_result(invocation, document, fields)


def _hide(reply: MxCommandReply, environment: Environment) -> None:
    # Words only: a short password may well be a part of an id.
    reply.diagnostic_message = environment.redact(reply.diagnostic_message)
    if reply.protocol_status is not None:
        reply.protocol_status.message = environment.redact(reply.protocol_status.message)
    for status in reply.statuses:
        status.diagnostic_text = environment.redact(status.diagnostic_text)


def rows_step(
    invocation: Invocation,
    session_id: str,
    correlation_id: str | None,
    method: Method,
    shape: Shape[T],
    rows_of: Callable[[Any], list[T]],
) -> None:
    """Run one command whose reply is a list of rows, and write them.

    Args:
        shape: How the rows look; its name is that of the list in the payload.
        rows_of: Takes the list out of the payload of a reply.
    """
    from mxgateway.commands import take_payload

    replies: list[MxCommandReply] = []
    _run(invocation, session_id, correlation_id, method, replies)
    rows = rows_of(take_payload(replies[-1], replies[-1].kind))
    if invocation.format is OutputFormat.JSON:
        _write_document(invocation, correlation_id, shape, replies[-1], rows)
        return
    # One by one, as a stream shows them: that knows about narrow terminals.
    sink = sink_for(invocation, shape)
    for row in rows:
        sink.take(row)
    sink.finish()


def bulk_step(
    invocation: Invocation,
    session_id: str,
    correlation_id: str | None,
    method: Method,
    shape: Shape[T],
    ranks: Ranks,
) -> ExitCode:
    """Run a bulk command and write one row for each entry, whatever failed.

    Where the client sent it in several parts and one of them failed, the rows of the parts
    before are still written, and the error follows.

    Args:
        ranks: Those of the columns, as for `write_ranked`.

    Returns:
        PARTIAL where an entry failed.

    Raises:
        MxGatewayError: Connecting or the command itself failed.
        Interrupted: The user ended it.
    """
    replies: list[MxCommandReply] = []

    def show(reply: MxCommandReply, rows: Sequence[T]) -> None:
        if invocation.format is OutputFormat.JSON:
            _write_document(invocation, correlation_id, shape, reply, rows)
        else:
            write_ranked(invocation, shape, ranks, rows)

    try:
        _run(invocation, session_id, correlation_id, method, replies)
    except MxGatewayError as error:
        # Not those of the replies: one that was found wrong is among them, unless the time of
        # the command passed.
        if error.partial_results:
            show(replies[0], error.partial_results)
        elif replies and getattr(error, "phase", "") == COMMAND_PHASE:
            show(replies[0], _results(replies))
        raise
    except Interrupted as end:
        if replies and end.__cause__ is None:
            show(replies[0], _results(replies))
        raise
    rows: list[Any] = _results(replies)
    show(replies[-1], rows)
    failed = sum(not row.was_successful for row in rows)
    return tell_partial(invocation, failed, len(rows), "entries")


def _results(replies: Sequence[MxCommandReply]) -> list[Any]:
    from mxgateway.commands import take_payload

    return [row for reply in replies for row in take_payload(reply, reply.kind).results]


def _run(
    invocation: Invocation,
    session_id: str,
    correlation_id: str | None,
    method: Method,
    replies: list[MxCommandReply],
) -> None:
    from .run import run_with_client

    async def body(client: GatewayClient) -> None:
        from .recorded import RecordedSession

        await method(RecordedSession(client, session_id, replies), correlation_id or "")

    run_with_client(invocation, body)


def _write_document(
    invocation: Invocation,
    correlation_id: str | None,
    shape: Shape[T],
    reply: MxCommandReply,
    rows: Sequence[T],
) -> None:
    """Write the document of rows that one or several replies brought.

    It is one of the replies with the rows of all; --fields reduces the rows, as everywhere.
    """
    from mxgateway.commands import COMMANDS

    environment, paths = invocation.environment, invocation.fields
    document = reply_document(reply, correlation_id=correlation_id)
    shown: list[Any] = [shape.document(row) for row in rows]
    check = FieldCheck(paths)
    for one in shown:
        check.look(one)
    field = COMMANDS[reply.kind].reply_field
    assert field is not None  # These kinds have a payload, and the client has checked it.
    first, *rest = field.split("_")
    payload = document[first + "".join(part.capitalize() for part in rest)]
    payload[shape.name] = [pick(one, paths) for one in shown] if paths else shown
    environment.write(json_document(document))
    check.tell(environment)
