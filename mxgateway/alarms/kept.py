"""What a book or list of alarms may keep: so many, and so many bytes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mxgateway.codec import encode
from mxgateway.errors import LimitError
from mxgateway.generated.mxaccess_gateway.v1 import ActiveAlarmSnapshot, MxValue

if TYPE_CHECKING:
    from mxgateway.alarms.alarm import Alarm
    from mxgateway.transport.stream import MessageStream

__all__ = ["KeptAlarms", "collect_alarms", "size_of"]

_BYTES_EACH: Final = 1000  # on average; an alarm of a plant has about 400
_BYTES_AT_LEAST: Final = 1 << 20
_ARRAY_COST: Final = 100  # an element of an array takes one byte on the wire, or two


class KeptAlarms:
    """Counts alarms, and the bytes of what they hold, against the limit of a book.

    Args:
        max_alarms: Most alarms; they may have 1,000 bytes each on average.
    """

    __slots__ = ("_bytes", "_limit", "_sizes")

    def __init__(self, max_alarms: int) -> None:
        self._limit = max_alarms
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def keep(self, key: str, size: int) -> None:
        """Note that an alarm is kept, in place of what was kept for its key.

        Raises:
            LimitError: There is no room for it; nothing has changed.
        """
        before = self._sizes.get(key)
        if before is None and len(self._sizes) >= self._limit:
            raise LimitError(
                f"{len(self._sizes) + 1} alarms have come", option="max_alarms", limit=self._limit
            )
        held = self._bytes + size - (before or 0)
        allowed = max(_BYTES_AT_LEAST, self._limit * _BYTES_EACH)
        if held > allowed:
            raise LimitError(
                f"what the alarms say has {held} bytes, more than the {allowed} that so many "
                "may have",
                option="max_alarms",
                limit=self._limit,
            )
        self._sizes[key] = size
        self._bytes = held

    def drop(self, key: str) -> None:
        """Note that nothing is kept for a key any more."""
        self._bytes -= self._sizes.pop(key, 0)


def size_of(alarm: Alarm, message_size: int) -> int:
    """Return the bytes of an alarm and of the message that told it last.

    What the message did not say may be from earlier ones.
    """
    texts = (
        len(alarm.reference)
        + len(alarm.source_object)
        + len(alarm.type_name)
        + len(alarm.category)
        + len(alarm.description)
        + len(alarm.operator)
        + len(alarm.comment)
    )
    return texts + message_size + _value_size(alarm.raw_value) + _value_size(alarm.raw_limit)


def _value_size(value: MxValue | None) -> int:
    if value is None:
        return 0
    arrays = value.array_value is not None or value.sparse_array_value is not None
    return len(encode(value)) * (_ARRAY_COST if arrays else 1)


async def collect_alarms(
    stream: MessageStream[ActiveAlarmSnapshot], max_alarms: int
) -> list[ActiveAlarmSnapshot]:
    """Return the messages of `query_active_alarms`, as many as a book may have.

    Raises:
        LimitError: There are more.
        MxGatewayError: The call failed.
    """
    kept = KeptAlarms(max_alarms)
    alarms: list[ActiveAlarmSnapshot] = []
    async with stream:
        async for alarm in stream:
            values = _value_size(alarm.current_value) + _value_size(alarm.limit_value)
            kept.keep(str(len(alarms)), stream.last_size + values)
            alarms.append(alarm)
    return alarms
