"""Write an integer to a tag and wait until MXAccess says how the write ended.

    export MXGATEWAY_ENDPOINT=localhost:5000 MXGATEWAY_API_KEY=<gateway-api-key>
    python examples/write_and_confirm.py SimProbe_001.TestInt 42

The reply to a write only says that MXAccess accepted it. The event stream has to run
before the write, and the item needs its first data change, which tells its type.
Exit code 0 when the write is confirmed, 1 when it failed or nothing came in time.
"""

from __future__ import annotations

import argparse
import os
import sys

import anyio

from mxgateway import GatewayClient, MxEvent, MxGatewayError
from mxgateway.status import describe_statuses, is_ok


async def write(tag: str, value: int) -> MxEvent:
    """Write `value` to `tag`; return the write-complete event."""
    async with GatewayClient.connect(
        endpoint=os.environ["MXGATEWAY_ENDPOINT"],
        api_key=os.environ.get("MXGATEWAY_API_KEY"),
        plaintext=True,
    ) as client:
        async with await client.open_session(client_session_name="write-and-confirm") as session:
            server = await session.register("write-and-confirm")
            item = await session.add_item(server, tag)
            async with session.stream_events() as events:
                await session.advise(server, item)
                await anext(events)
                await session.write(server, item, value)
                async for event in events:
                    if event.on_write_complete is not None and event.item_handle == item:
                        return event
    raise RuntimeError("the gateway ended the stream before the write was complete")


async def run(tag: str, value: int) -> int:
    """Write, print the outcome, return the exit code."""
    try:
        with anyio.fail_after(10):
            event = await write(tag, value)
    except TimeoutError:
        print(f"{tag}: no confirmation within 10 s; the write may still take effect")
        return 1
    except MxGatewayError as error:
        print(error.diagnostics())
        return 1
    confirmed = all(is_ok(status) for status in event.statuses)
    print(tag, value, "confirmed" if confirmed else describe_statuses(event.statuses))
    return 0 if confirmed else 1


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Write an integer and wait for the outcome.")
    parser.add_argument("tag")
    parser.add_argument("value", type=int)
    options = parser.parse_args()
    return anyio.run(run, options.tag, options.value)


if __name__ == "__main__":
    sys.exit(main())
