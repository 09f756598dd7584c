"""Sending within the HTTP/2 window without cutting small messages."""

from __future__ import annotations

from grpclib.protocol import Stream as TransportStream

__all__ = ["has_left", "room_for"]


async def room_for(stream: TransportStream, size: int) -> int:
    """Wait until the client lets us send `size` bytes; return how many it does.

    A stream that has to end while the client does not read (queue overflow) ends
    between two messages then, not inside one. Messages larger than a quarter of
    the window do not wait: a client that returns credit in batches might never
    open the window that far.
    """
    connection = stream._h2_connection
    assert stream.id is not None
    wanted = min(size, connection.remote_settings.initial_window_size // 4)
    while (room := connection.local_flow_control_window(stream.id)) < max(wanted, 1):
        stream.window_updated.clear()
        await stream.window_updated.wait()
    return room


def has_left(stream: TransportStream) -> bool:
    """Whether the client has reset the stream, so that nobody waits for its end."""
    return stream.wrapper is not None and bool(stream.wrapper.cancelled)
