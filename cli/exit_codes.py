"""The exit codes of mxgw-py, one enum, and which error leads to which."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from mxgateway.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceededError,
    EncodeError,
    MxGatewayError,
    PermissionDeniedError,
    RemoteProtocolError,
    SessionLostError,
    TagError,
    TlsError,
    WriteOutcomeUnknownError,
)

__all__ = ["ExitCode", "exit_code_for"]


class ExitCode(IntEnum):
    """What the process tells its caller; `meaning` is the text of help and documentation."""

    OK = 0, "success"
    INTERNAL = 1, "internal error; --debug shows the traceback"
    USAGE = 2, "wrong or missing option or value; nothing was sent"
    CONNECT = 3, "no connection to the gateway"
    TLS = 4, "TLS handshake or certificate failed"
    AUTH = 5, "API key refused, or its scopes forbid this"
    DEADLINE = 6, "the timeout passed"
    GATEWAY = 7, "the gateway or MXAccess refused or failed"
    PARTIAL = 8, "some entries of a batch failed"
    LOST = 9, "the connection or the session was lost during a call or stream"
    INTERRUPTED = 130, "interrupted by Ctrl-C or a termination signal"

    meaning: str

    def __new__(cls, number: int, meaning: str) -> ExitCode:
        member = int.__new__(cls, number)
        member._value_ = number
        member.meaning = meaning
        return member


# First match wins, so a subclass stands before its base.
_BY_ERROR: Final[tuple[tuple[type[MxGatewayError], ExitCode], ...]] = (
    (ConfigurationError, ExitCode.USAGE),
    (EncodeError, ExitCode.USAGE),
    (TlsError, ExitCode.TLS),
    (ConnectError, ExitCode.CONNECT),
    (ConnectTimeout, ExitCode.CONNECT),
    (ConnectionLost, ExitCode.LOST),
    (RemoteProtocolError, ExitCode.LOST),
    (SessionLostError, ExitCode.LOST),
    (AuthenticationError, ExitCode.AUTH),
    (PermissionDeniedError, ExitCode.AUTH),
    (DeadlineExceededError, ExitCode.DEADLINE),
    (WriteOutcomeUnknownError, ExitCode.DEADLINE),
    (TagError, ExitCode.PARTIAL),
    (ClientClosedError, ExitCode.INTERNAL),
    (MxGatewayError, ExitCode.GATEWAY),
)


def exit_code_for(error: MxGatewayError) -> ExitCode:
    """Return the exit code that belongs to an error of the library."""
    return next(code for kind, code in _BY_ERROR if isinstance(error, kind))
