"""Write an integer to a tag and wait until MXAccess says how the write ended.

    export MXGATEWAY_ENDPOINT=localhost:5000 MXGATEWAY_API_KEY=<gateway-api-key>
    python examples/write_and_confirm.py SimProbe_001.TestInt 42

The reply to a write only says that MXAccess accepted it. `write_and_wait` advises the item,
waits for its first data change, which tells its type, and returns with the write's completion.
Exit code 0 when the write is confirmed, 1 when it failed or its end is not known.
"""

from __future__ import annotations

import argparse
import os
import sys

import anyio

from mxgateway import GatewayClient, MxGatewayError, WriteComplete, WriteFailedError


async def write(tag: str, value: int) -> WriteComplete:
    """Write `value` to `tag`; return the write-complete event."""
    async with GatewayClient.connect(
        endpoint=os.environ["MXGATEWAY_ENDPOINT"],
        api_key=os.environ.get("MXGATEWAY_API_KEY"),
        plaintext=True,
    ) as client:
        async with await client.open_session(client_session_name="write-and-confirm") as session:
            server = await session.register("write-and-confirm")
            item = await session.add_item(server, tag)
            return await session.write_and_wait(server, item, value, timeout=10)


async def run(tag: str, value: int) -> int:
    """Write, print the outcome, return the exit code."""
    try:
        await write(tag, value)
    except WriteFailedError as error:
        print(tag, value, error.event.status)
        return 1
    except MxGatewayError as error:
        print(error.diagnostics())
        return 1
    print(tag, value, "confirmed")
    return 0


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Write an integer and wait for the outcome.")
    parser.add_argument("tag")
    parser.add_argument("value", type=int)
    options = parser.parse_args()
    return anyio.run(run, options.tag, options.value)


if __name__ == "__main__":
    sys.exit(main())
