"""Failures that a result shows: how stderr tells them, so that every exit code has its reason.

Under --json whatever ends with another code than 0 leaves one JSON object as the last line of
stderr, also where the result itself stands on stdout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import describe
from .exit_codes import ExitCode
from .options import Invocation

__all__ = ["raise_in_batch", "tell_failed_row", "tell_in_json", "tell_partial"]


def tell_partial(
    invocation: Invocation, failed: int, total: int, noun: str, verb: str = "failed"
) -> ExitCode:
    """Say on stderr how many of a list failed and return the exit code; nothing where none did."""
    if not failed:
        return ExitCode.OK
    message = f"{failed} of {total} {noun} {verb}"
    if not invocation.environment.json_errors:
        invocation.environment.say(f"{message}.")
    facts = {"type": "PartialFailure", "message": message, "failed": failed, "total": total}
    return tell_in_json(invocation, ExitCode.PARTIAL, facts)


def tell_failed_row(invocation: Invocation, error: Exception) -> ExitCode:
    """Tell the error of a result with one row, which people see there, and return its exit code."""
    failure = describe(error, invocation.environment)
    return tell_in_json(invocation, failure.code, failure.facts)


def raise_in_batch(invocation: Invocation, errors: Sequence[Exception], rows: int) -> None:
    """Raise the error of a result with one row where a batch has to answer with it.

    A batch has no exit codes: a failed write must not look like a result, which only a look
    inside tells from success.
    """
    if invocation.environment.pool is not None and rows == len(errors) == 1:
        raise errors[0]


def tell_in_json(invocation: Invocation, code: ExitCode, facts: dict[str, Any]) -> ExitCode:
    """Write the reason of an exit code as JSON, where errors are JSON, and return the code.

    Within a batch nothing is written: its reader finds it in the result.
    """
    environment = invocation.environment
    if environment.json_errors and environment.pool is None:
        environment.say_json(facts | {"exitCode": int(code)})
    return code
