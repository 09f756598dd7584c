"""Events as bytes.

An event is put together from bytes: what belongs to the item was encoded when the
item was added, what belongs to the value once per change, whoever listens. Only
the sequence number is written per event. The parts stand in the order of the
field numbers, so the result equals the encoder's own.
"""

from __future__ import annotations

from datetime import datetime

from mxgateway.codec import encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxEvent,
    MxEventFamily,
    MxStatusProxy,
    OnDataChangeEvent,
    OnWriteCompleteEvent,
    OperationCompleteEvent,
)
from mxgateway.simulator.parts import look, refusal
from mxgateway.simulator.references import Target
from mxgateway.simulator.status import OK_STATUS
from mxgateway.simulator.variant import NO_DATA, to_message

__all__ = [
    "FRAME_HEAD",
    "SEQUENCE_TAG",
    "change_head",
    "change_tail",
    "complete_parts",
    "frame",
    "item_prefix",
    "operation_parts",
    "varint",
]

SEQUENCE_TAG = b"\x48"  # field 9, varint
FRAME_HEAD = 5  # compressed flag and length, before each gRPC message


def item_prefix(
    family: MxEventFamily, session_id: str, server_handle: int, item_handle: int
) -> bytes:
    """Return fields 1 to 4, the same for all events of one family of one item."""
    return encode(
        MxEvent(
            family=family,
            session_id=session_id,
            server_handle=server_handle,
            item_handle=item_handle,
        )
    )


def change_head(target: Target, now: datetime) -> bytes:
    """Return fields 5 to 8 of a data change: value, quality, source time, status."""
    tag = target.tag
    head = None if tag is None or target.part else tag.encoded.get(target.index)
    if head is not None:
        return head
    seen = None if tag is None else look(target)
    if tag is None or seen is None:
        return _failed_head(refusal(target), now)
    head = encode(
        MxEvent(
            value=to_message(seen.info, seen.value),
            quality=seen.quality,
            source_timestamp=tag.timestamp,
            statuses=[OK_STATUS],
        )
    )
    if not target.part:
        tag.encoded[target.index] = head
    return head


def _failed_head(status: MxStatusProxy, now: datetime) -> bytes:
    # MXAccess reference, section 2: null, quality 0 and the current time on failure.
    return encode(
        MxEvent(
            value=to_message(NO_DATA, None),
            quality=0,
            source_timestamp=now,
            statuses=[status],
        )
    )


def change_tail(now: datetime) -> bytes:
    """Return what follows the sequence number of a data change: the two clocks and the body."""
    return encode(
        MxEvent(
            worker_timestamp=now,
            gateway_receive_timestamp=now,
            on_data_change=OnDataChangeEvent(),
        )
    )


def complete_parts(status: MxStatusProxy, now: datetime) -> tuple[bytes, bytes]:
    """Return what stands before and after the sequence number of a write completion."""
    head = encode(MxEvent(statuses=[status]))
    tail = encode(
        MxEvent(
            worker_timestamp=now,
            gateway_receive_timestamp=now,
            on_write_complete=OnWriteCompleteEvent(),
        )
    )
    return head, tail


def operation_parts(status: MxStatusProxy, now: datetime) -> tuple[bytes, bytes]:
    """Return what stands before and after the sequence number of an operation's completion."""
    head = encode(MxEvent(statuses=[status]))
    tail = encode(
        MxEvent(
            worker_timestamp=now,
            gateway_receive_timestamp=now,
            operation_complete=OperationCompleteEvent(),
        )
    )
    return head, tail


def frame(message: bytes) -> bytes:
    """Return `message` with the gRPC prefix of an uncompressed message."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def varint(number: int) -> bytes:
    """Return `number` as a protobuf varint."""
    if number < 0x80:
        return number.to_bytes(1, "little")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
