"""Registrations and items: what a session's handles stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mxgateway.generated.mxaccess_gateway.v1 import MxEventFamily
from mxgateway.simulator.clock import Timer
from mxgateway.simulator.events import item_prefix
from mxgateway.simulator.references import Target

if TYPE_CHECKING:
    from mxgateway.simulator.parts import Seen
    from mxgateway.simulator.sinks import BufferSink

__all__ = ["Item", "Registration"]


class Item:
    """One item of a registration.

    Attributes:
        handle: The item handle.
        server_handle: The registration it belongs to.
        definition: The reference as it counts, with `[]` where the gateway appended it.
        context: The object that `Me` stands for, or "".
        buffered: Whether its values arrive in batches.
        advised: Whether data changes flow.
        suspended: Whether the engine was told to send nothing.
        supervisory: Whether writes count as the application's (AdviseSupervisory).
        target: What the reference led to at the time of the advise.
        has_value: Whether the first data change has gone out.
        sink: Where its changes go, from the advise on.
        last: What an element or a property showed last.
        first_value: Timer of a first data change that is still to come.
    """

    __slots__ = (
        "advised",
        "buffered",
        "change_prefix",
        "complete_prefix",
        "context",
        "definition",
        "first_value",
        "handle",
        "has_value",
        "last",
        "server_handle",
        "session_id",
        "sink",
        "supervisory",
        "suspended",
        "target",
    )

    def __init__(
        self,
        session_id: str,
        server_handle: int,
        handle: int,
        definition: str,
        context: str,
        *,
        buffered: bool = False,
    ) -> None:
        self.session_id = session_id
        self.server_handle = server_handle
        self.handle = handle
        self.definition = definition
        self.context = context
        self.buffered = buffered
        self.advised = False
        self.suspended = False
        self.supervisory = False
        self.has_value = False
        self.target = Target(None)
        self.sink: Any = None
        self.last: Seen | None = None
        self.first_value: Timer | None = None
        self.change_prefix = item_prefix(
            MxEventFamily.ON_DATA_CHANGE, session_id, server_handle, handle
        )
        self.complete_prefix = item_prefix(
            MxEventFamily.ON_WRITE_COMPLETE, session_id, server_handle, handle
        )


@dataclass
class Registration:
    """One registration of a session.

    Attributes:
        handle: The server handle.
        client_name: The name it was made with.
        items: Its items by item handle.
        buffers: What gathers the values of its buffered items, once there is one.
    """

    handle: int
    client_name: str
    items: dict[int, Item] = field(default_factory=dict)
    buffers: BufferSink | None = None
