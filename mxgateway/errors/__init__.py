"""The error tree: one root, one class for each thing a caller does something about.

Every error knows the gRPC status behind it (or None), whether the gateway may
have executed the request (`processed`) and whether trying again later can help
(`transient`). `diagnostics()` says to a person what to check next, `to_dict()`
gives the same facts to a program. Neither can hold an API key.
"""

from mxgateway.errors.base import MxGatewayError, Processed, StatusCode
from mxgateway.errors.command import (
    MalformedReplyError,
    MxAccessError,
    MxGatewayCommandError,
    ReplayGapError,
    SessionLostError,
    SlowConsumerError,
    TagError,
    WriteFailedError,
    WriteOutcomeUnknownError,
)
from mxgateway.errors.galaxy import GalaxyNotFoundError, StalePageTokenError
from mxgateway.errors.local import ClientClosedError, ConfigurationError, DecodeError, EncodeError
from mxgateway.errors.rpc import (
    AbortedError,
    AlreadyExistsError,
    AuthenticationError,
    CallCancelledError,
    DataLossError,
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    LimitError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    RpcError,
    UnavailableError,
    UnimplementedError,
    UnknownStatusError,
    rpc_error,
)
from mxgateway.errors.transport import (
    ConnectError,
    ConnectionLost,
    ConnectTimeout,
    LostCause,
    RemoteProtocolError,
    TlsError,
    TransportError,
)

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "AuthenticationError",
    "CallCancelledError",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectError",
    "ConnectTimeout",
    "ConnectionLost",
    "DataLossError",
    "DeadlineExceededError",
    "DecodeError",
    "EncodeError",
    "FailedPreconditionError",
    "GalaxyNotFoundError",
    "InternalError",
    "InvalidArgumentError",
    "LimitError",
    "LostCause",
    "MalformedReplyError",
    "MxAccessError",
    "MxGatewayCommandError",
    "MxGatewayError",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "Processed",
    "RemoteProtocolError",
    "ReplayGapError",
    "ResourceExhaustedError",
    "RpcError",
    "SessionLostError",
    "SlowConsumerError",
    "StalePageTokenError",
    "StatusCode",
    "TagError",
    "TlsError",
    "TransportError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownStatusError",
    "WriteFailedError",
    "WriteOutcomeUnknownError",
    "rpc_error",
]
