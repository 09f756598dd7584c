"""Registrations and items: what a session's handles stand for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mxgateway.generated.mxaccess_gateway.v1 import MxEventFamily
from mxgateway.simulator.events import item_prefix
from mxgateway.simulator.references import Target

__all__ = ["Item", "Registration"]


class Item:
    """One item of a registration.

    Attributes:
        handle: The item handle.
        server_handle: The registration it belongs to.
        definition: The reference as it counts, with `[]` where the gateway appended it.
        context: The object that `Me` stands for, or "".
        advised: Whether data changes flow.
        supervisory: Whether writes count as the application's (AdviseSupervisory).
        target: What the reference led to at the time of the advise.
        has_value: Whether the first data change has gone out.
        first_value: Timer of a first data change that is still to come.
    """

    __slots__ = (
        "advised",
        "change_prefix",
        "complete_prefix",
        "context",
        "definition",
        "first_value",
        "handle",
        "has_value",
        "server_handle",
        "session_id",
        "supervisory",
        "target",
    )

    def __init__(
        self, session_id: str, server_handle: int, handle: int, definition: str, context: str
    ) -> None:
        self.session_id = session_id
        self.server_handle = server_handle
        self.handle = handle
        self.definition = definition
        self.context = context
        self.advised = False
        self.supervisory = False
        self.has_value = False
        self.target = Target(None)
        self.first_value: asyncio.Handle | None = None
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
    """

    handle: int
    client_name: str
    items: dict[int, Item] = field(default_factory=dict)
