"""Forks while a client is connected, run as a process of its own by test_forked_child.py.

python forking_steps.py BACKEND ENDPOINT API_KEY

The child tries the client in a loop of its own and closes it; then the parent goes on. Prints
one JSON object with what each of them got.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from mxgateway import ClientClosedError, GatewayClient, Session, TagValue
from mxgateway.generated.mxaccess_gateway.v1 import StreamEventsRequest

BACKEND, ENDPOINT, API_KEY = sys.argv[1:]


async def outcome(call: Callable[[], Awaitable[Any]]) -> str:
    try:
        with anyio.fail_after(10):
            await call()
    except ClientClosedError as error:
        return str(error)
    return "done"


async def in_child(
    client: GatewayClient, session: Session, stream: Any, events: Any, values: Any
) -> dict[str, str]:
    return {
        "events": await outcome(events.__anext__),
        "events aclose": await outcome(events.aclose),
        "values": await outcome(values.__anext__),
        "values add": await outcome(lambda: values.add("Tank_001.Level")),
        "values aclose": await outcome(values.aclose),
        "hold": await outcome(lambda: session.write_and_wait(1, 1, 5)),
        "unary": await outcome(lambda: client.open_session("child")),
        "session": await outcome(lambda: session.register("child")),
        "tags": await outcome(lambda: client.read("SimProbe_001.TestInt")),
        "next": await outcome(stream.__anext__),
        "stream": await outcome(client.stream_events_raw(StreamEventsRequest()).__anext__),
        "aclose": await outcome(stream.aclose),
        "close": await outcome(client.close),
    }


def child_uses(write_end: int, *given: Any) -> None:
    """Try everything in a loop of the child, in a thread: the parent's loop is in this one."""

    def tell() -> None:
        seen = anyio.run(in_child, *given, backend=BACKEND)
        os.write(write_end, json.dumps(seen).encode())

    thread = threading.Thread(target=tell)
    thread.start()
    thread.join()
    os._exit(0)


async def main() -> dict[str, Any]:
    read_end, write_end = os.pipe()
    with anyio.fail_after(30):
        async with GatewayClient.connect(
            endpoint=ENDPOINT, api_key=API_KEY, plaintext=True
        ) as client:
            session = await client.open_session("parent")
            server = await session.register("parent")
            item = await session.add_item(server, "SimProbe_001.TestInt")
            request = StreamEventsRequest(session_id=session.session_id)
            other = await client.open_session("parent")
            async with (
                client.stream_events_raw(request) as stream,
                other.stream_events() as events,
                client.subscribe("SimProbe_001.TestInt") as values,
            ):
                child = os.fork()
                if child == 0:
                    child_uses(write_end, client, session, stream, events, values)
                os.close(write_end)
                seen = b""
                while data := os.read(read_end, 65_536):
                    seen += data
                os.close(read_end)
                _, status = os.waitpid(child, 0)  # noqa: ASYNC222 - the child has ended
                await session.advise(server, item)
                event = await anext(stream)
                assert isinstance(await anext(values), TagValue)
            await session.close()
    return {
        "child": json.loads(seen),
        "code": os.waitstatus_to_exitcode(status),
        "parent": event.item_handle == item,
    }


if __name__ == "__main__":
    # Python 3.12 warns of forking beside other threads; asyncio looks names up in one.
    warnings.filterwarnings("ignore", "This process", DeprecationWarning)
    answer = anyio.run(main, backend=BACKEND)
    print(json.dumps(answer))
