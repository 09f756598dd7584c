"""Writing tags by name: types found out, outcomes waited for and told.

The tags are subscribed while they are written: their first values tell the types, and what they
were before. A text becomes a value by the type of its tag; JSON types of a file have to fit it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from ..deadline import seconds_left
from ..exit_codes import ExitCode
from ..failures import raise_in_batch, tell_failed_row, tell_partial
from ..options import Invocation
from ..output.console import console_for
from ..output.live import draws_table
from ..output.live_columns import fit
from ..output.long_tables import first_rows
from ..output.rows import write_rows
from ..output.values import MOST_ON_SCREEN
from ..run import run_with_client
from .inputs import WriteInput, writes_of
from .write_form import TagWriteForm
from .write_rows import OUTCOMES, SLOTS, Outcome, is_unknown, query_of, row_of

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import MxDataType, MxValue
    from mxgateway.reading import TagValue
    from mxgateway.tags import Login, TagWrite, WriteRequest

__all__ = ["write_all"]

_DEFAULT_SECONDS: Final = 30.0
_NOT_SHOWN: Final = "it is not shown, because the write is secured"
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)


def write_all(invocation: Invocation, form: TagWriteForm, type_name: str | None) -> ExitCode:
    """Write what a form says, wait for how it ends, and show that; see `write_tags`."""
    environment = invocation.environment
    writes = writes_of(environment, form.targets, type_name)
    secret = form.user is not None
    ready = [_ready(write, secret) for write in writes]  # what can be refused now is refused now
    users = _users(invocation, form)

    async def body(client: GatewayClient) -> list[Outcome]:
        return await _write(client, writes, ready, users)

    outcomes = run_with_client(invocation, body)
    failed = [outcome.result for outcome in outcomes if not outcome.result.ok]
    errors = [result.error for result in failed if result.error is not None]
    raise_in_batch(invocation, errors, len(outcomes))
    if draws_table(invocation):
        console = console_for(environment)
        rows = first_rows(outcomes, lambda outcome: row_of(outcome, most=MOST_ON_SCREEN))
        hidden = len(outcomes) - len(rows)
        console.print(fit(SLOTS, rows, console.width).picture(rows, console.width, hidden=hidden))
    else:
        extra = {"query": query_of(writes, form), "ok": not failed, "failed": len(failed)}
        write_rows(invocation, OUTCOMES, outcomes, extra=extra)
    return _told(invocation, outcomes, failed)


def _told(
    invocation: Invocation, outcomes: Sequence[Outcome], failed: Sequence[TagWrite]
) -> ExitCode:
    """Say what the rows have no room for, and return the exit code."""
    if not failed:
        return ExitCode.OK
    environment = invocation.environment
    unknown = sum(map(is_unknown, failed))
    if unknown:
        environment.note(
            f"{unknown} may have taken effect all the same: read the tag before writing again."
        )
    error = failed[0].error
    assert error is not None
    if any(result.error is not None and "user=" in result.error.message for result in failed):
        environment.note("Secured writes need --user NAME, verified ones --verifier NAME too.")
    if len(outcomes) > 1:
        return tell_partial(invocation, len(failed), len(outcomes), "writes", "did not succeed")
    return tell_failed_row(invocation, error)


def _users(invocation: Invocation, form: TagWriteForm) -> tuple[Login | None, Login | None]:
    from mxgateway.tags import Login

    if form.verifier is not None and form.user is None:
        raise click.UsageError("--verifier confirms what --user writes; give --user too")
    for name, who, source in (
        ("--user", form.user, form.password),
        ("--verifier", form.verifier, form.verifier_password),
    ):
        if who is None and (source.variable or source.file):
            raise click.UsageError(f"{source.option} is given without {name}")
    environment = invocation.environment
    user = verifier = None
    if form.user is not None:
        user = Login(form.user, form.password.read(environment, form.user))
    if form.verifier is not None:
        verifier = Login(form.verifier, form.verifier_password.read(environment, form.verifier))
    return user, verifier


def _ready(write: WriteInput, secret: bool) -> MxValue | None:
    """Return the value of a write that names its type; None for one that the tag decides."""
    from mxgateway.errors import ConfigurationError, EncodeError
    from mxgateway.values import TYPE_NAMES, parse_value, to_mx_value

    if write.type_name is None:
        return None
    try:
        if isinstance(write.value, str):
            return parse_value(write.value, write.type_name, tag=write.tag)
        return to_mx_value(write.value, write.type_name, tag=write.tag)
    except (ConfigurationError, EncodeError) as error:
        reason = error.reason if isinstance(error, EncodeError) else error.message
        if secret and write.type_name in TYPE_NAMES:
            reason = f"this is no {write.type_name}; {_NOT_SHOWN}"
        raise click.UsageError(f"{write.place}: {reason}") from None


async def _write(
    client: GatewayClient,
    writes: Sequence[WriteInput],
    ready: Sequence[MxValue | None],
    users: tuple[Login | None, Login | None],
) -> list[Outcome]:
    from mxgateway.errors import ConfigurationError, EncodeError, TagError
    from mxgateway.tags import TagWrite

    secret = users[0] is not None
    # Held for both steps, so that each tag is advised once.
    async with client.subscribe(
        [write.tag for write in writes], max_events=10_000, overflow="drop_oldest"
    ):
        tags = [write.tag for write in writes]
        before = await client.read(tags, timeout=seconds_left(_DEFAULT_SECONDS))
        results: list[TagWrite | None] = [None] * len(writes)
        values: list[MxValue | None] = list(ready)
        requests: list[tuple[int, WriteRequest]] = []
        for n, (write, reading) in enumerate(zip(writes, before, strict=True)):
            try:
                request = _request(write, values[n], reading, users)
            except (TagError, EncodeError, ConfigurationError) as error:
                results[n] = TagWrite(tag=write.tag, error=error)
                continue
            values[n] = _wire(request)
            requests.append((n, request))
        done = await client.write_many([request for _, request in requests], timeout=seconds_left())
    for (n, _), result in zip(requests, done, strict=True):
        results[n] = result
    return [
        Outcome(write, reading, value, _discreet(result, secret), secret)
        for write, reading, value, result in zip(writes, before, values, results, strict=True)
        if result is not None
    ]


def _discreet(result: TagWrite, secret: bool) -> TagWrite:
    """Return a result whose error does not quote the value of a secured write."""
    from mxgateway.errors import ConfigurationError, EncodeError
    from mxgateway.tags import TagWrite

    if not secret or not isinstance(result.error, ConfigurationError | EncodeError):
        return result
    reason = f"{result.tag}: the value does not fit the tag; {_NOT_SHOWN}"
    return TagWrite(tag=result.tag, error=EncodeError("MxValue", "value", reason))


def _request(
    write: WriteInput,
    value: MxValue | None,
    reading: TagValue,
    users: tuple[Login | None, Login | None],
) -> WriteRequest:
    """Return the request for a write, its value typed as the tag is.

    Raises:
        TagError: The tag cannot be had, or its type is not known.
        EncodeError: A JSON value does not fit the tag.
        ConfigurationError: A text is no value of the tag's type.
    """
    from mxgateway.errors import TagError
    from mxgateway.tags import WriteRequest

    if not reading.ok:
        raise TagError(f"{write.tag}: not written, {reading.status}", tag=write.tag, processed="no")
    content: Any = write.value if value is None else value
    if value is None and isinstance(content, str):
        name = _type_of(reading)
        if name is None:
            raise TagError(
                f"{write.tag}: not written, its type {reading.type_name} says nothing about "
                "the value; give --type",
                tag=write.tag,
                processed="no",
            )
        content = _parsed(content, name, reading, write.tag)
    return WriteRequest(
        tag=write.tag,
        value=content,
        timestamp=write.timestamp,
        user=0 if users[0] is None else users[0],
        verifier=0 if users[1] is None else users[1],
    )


def _parsed(text: str, name: str, reading: TagValue, tag: str) -> Any:
    """Return the value that a text stands for in a tag with the type `name`."""
    from mxgateway.values import parse_value

    if name in ("string", "label"):
        # An enumeration takes its number or its label (MXAccess reference, section 3).
        return int(text) if name == "label" and _INTEGER.fullmatch(text) else text
    value = parse_value(text, name, tag=tag)
    value.data_type = reading.data_type
    if value.array_value is not None:
        value.array_value.element_data_type = reading.data_type
    return value


def _wire(request: WriteRequest) -> MxValue | None:
    from mxgateway.generated.mxaccess_gateway.v1 import MxValue

    return request.value if isinstance(request.value, MxValue) else None


def _type_of(reading: TagValue) -> str | None:
    """Return the type by which a text is read for a tag, `label` for an enumeration, or None."""
    from mxgateway.generated.mxaccess_gateway.v1 import MxDataType

    names: dict[MxDataType, str] = {
        MxDataType.BOOLEAN: "bool",
        MxDataType.INTEGER: "int32",
        MxDataType.FLOAT: "float",
        MxDataType.DOUBLE: "double",
        MxDataType.TIME: "time",
        MxDataType.ELAPSED_TIME: "elapsed",
        MxDataType.STRING: "string",
        MxDataType.BIG_STRING: "string",
        MxDataType.INTERNATIONALIZED_STRING: "string",
        MxDataType.REFERENCE_TYPE: "string",
        MxDataType.STATUS_TYPE: "label",
        MxDataType.ENUM: "label",
        MxDataType.SECURITY_CLASSIFICATION_ENUM: "label",
        MxDataType.DATA_QUALITY_TYPE: "label",
        MxDataType.QUALIFIED_ENUM: "label",
    }
    name = names.get(reading.data_type)
    if name is None or not reading.is_array:
        return name
    return "string[]" if name == "label" else f"{name}[]"
