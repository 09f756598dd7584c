"""Client of the MXAccess Gateway of AVEVA System Platform, for asyncio and trio.

The public names are loaded on first use (PEP 562): `import mxgateway` alone costs
nothing, and a script that only catches errors never loads the transport.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mxgateway._version import (
        __version__,
    )
    from mxgateway.client import (
        GatewayClient,
    )
    from mxgateway.commands import (
        new_correlation_id,
    )
    from mxgateway.errors import (
        AbortedError,
        AlreadyExistsError,
        AuthenticationError,
        CallCancelledError,
        ClientClosedError,
        ConfigurationError,
        ConnectError,
        ConnectionLost,
        ConnectTimeout,
        DataLossError,
        DeadlineExceededError,
        DecodeError,
        EncodeError,
        FailedPreconditionError,
        InternalError,
        InvalidArgumentError,
        MalformedReplyError,
        MxAccessError,
        MxGatewayCommandError,
        MxGatewayError,
        NotFoundError,
        OutOfRangeError,
        PermissionDeniedError,
        RemoteProtocolError,
        ReplayGapError,
        ResourceExhaustedError,
        RpcError,
        SessionLostError,
        SlowConsumerError,
        StatusCode,
        TagError,
        TlsError,
        TransportError,
        UnavailableError,
        UnimplementedError,
        UnknownStatusError,
    )
    from mxgateway.generated.mxaccess_gateway.v1 import (
        CloseSessionReply,
        CloseSessionRequest,
        MxCommand,
        MxCommandKind,
        MxCommandReply,
        MxCommandRequest,
        MxDataType,
        MxEvent,
        MxEventFamily,
        MxStatusCategory,
        MxStatusProxy,
        MxStatusSource,
        MxValue,
        OpenSessionReply,
        OpenSessionRequest,
        ProtocolStatus,
        ProtocolStatusCode,
        ReplayGap,
        SessionState,
        StreamEventsRequest,
    )
    from mxgateway.options import (
        ClientOptions,
    )
    from mxgateway.session import (
        Session,
    )
    from mxgateway.status import (
        Quality,
        QualityLevel,
    )
    from mxgateway.timestamp import (
        Duration,
        Timestamp,
    )
    from mxgateway.transport.stream import (
        MessageStream,
    )
    from mxgateway.values import (
        ABSENT,
        Absent,
        RawValue,
        from_mx_value,
        to_mx_value,
    )

__all__ = [
    "ABSENT",
    "AbortedError",
    "Absent",
    "AlreadyExistsError",
    "AuthenticationError",
    "CallCancelledError",
    "ClientClosedError",
    "ClientOptions",
    "CloseSessionReply",
    "CloseSessionRequest",
    "ConfigurationError",
    "ConnectError",
    "ConnectTimeout",
    "ConnectionLost",
    "DataLossError",
    "DeadlineExceededError",
    "DecodeError",
    "Duration",
    "EncodeError",
    "FailedPreconditionError",
    "GatewayClient",
    "InternalError",
    "InvalidArgumentError",
    "MalformedReplyError",
    "MessageStream",
    "MxAccessError",
    "MxCommand",
    "MxCommandKind",
    "MxCommandReply",
    "MxCommandRequest",
    "MxDataType",
    "MxEvent",
    "MxEventFamily",
    "MxGatewayCommandError",
    "MxGatewayError",
    "MxStatusCategory",
    "MxStatusProxy",
    "MxStatusSource",
    "MxValue",
    "NotFoundError",
    "OpenSessionReply",
    "OpenSessionRequest",
    "OutOfRangeError",
    "PermissionDeniedError",
    "ProtocolStatus",
    "ProtocolStatusCode",
    "Quality",
    "QualityLevel",
    "RawValue",
    "RemoteProtocolError",
    "ReplayGap",
    "ReplayGapError",
    "ResourceExhaustedError",
    "RpcError",
    "Session",
    "SessionLostError",
    "SessionState",
    "SlowConsumerError",
    "StatusCode",
    "StreamEventsRequest",
    "TagError",
    "Timestamp",
    "TlsError",
    "TransportError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownStatusError",
    "__version__",
    "from_mx_value",
    "new_correlation_id",
    "to_mx_value",
]

_MODULES: Final = {
    "mxgateway._version": ("__version__",),
    "mxgateway.client": ("GatewayClient",),
    "mxgateway.commands": ("new_correlation_id",),
    "mxgateway.errors": (
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
        "InternalError",
        "InvalidArgumentError",
        "MalformedReplyError",
        "MxAccessError",
        "MxGatewayCommandError",
        "MxGatewayError",
        "NotFoundError",
        "OutOfRangeError",
        "PermissionDeniedError",
        "RemoteProtocolError",
        "ReplayGapError",
        "ResourceExhaustedError",
        "RpcError",
        "SessionLostError",
        "SlowConsumerError",
        "StatusCode",
        "TagError",
        "TlsError",
        "TransportError",
        "UnavailableError",
        "UnimplementedError",
        "UnknownStatusError",
    ),
    "mxgateway.generated.mxaccess_gateway.v1": (
        "CloseSessionReply",
        "CloseSessionRequest",
        "MxCommand",
        "MxCommandKind",
        "MxCommandReply",
        "MxCommandRequest",
        "MxDataType",
        "MxEvent",
        "MxEventFamily",
        "MxStatusCategory",
        "MxStatusProxy",
        "MxStatusSource",
        "MxValue",
        "OpenSessionReply",
        "OpenSessionRequest",
        "ProtocolStatus",
        "ProtocolStatusCode",
        "ReplayGap",
        "SessionState",
        "StreamEventsRequest",
    ),
    "mxgateway.options": ("ClientOptions",),
    "mxgateway.session": ("Session",),
    "mxgateway.status": (
        "Quality",
        "QualityLevel",
    ),
    "mxgateway.timestamp": (
        "Duration",
        "Timestamp",
    ),
    "mxgateway.transport.stream": ("MessageStream",),
    "mxgateway.values": (
        "ABSENT",
        "Absent",
        "RawValue",
        "from_mx_value",
        "to_mx_value",
    ),
}
_HOME: Final = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
