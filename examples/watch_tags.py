"""Print the first data changes of some tags: time, tag, value and quality in words.

    export MXGATEWAY_ENDPOINT=localhost:5000 MXGATEWAY_API_KEY=<gateway-api-key>
    python examples/watch_tags.py --count 10 Pump_001.Speed Tank_001.Level

Connects without TLS. `--backend trio` runs the same code on trio.
"""

from __future__ import annotations

import argparse
import os

import anyio

from mxgateway import DataChange, GatewayClient


async def watch(tags: list[str], count: int) -> None:
    """Advise `tags` and print `count` data changes."""
    async with GatewayClient.connect(
        endpoint=os.environ["MXGATEWAY_ENDPOINT"],
        api_key=os.environ.get("MXGATEWAY_API_KEY"),
        plaintext=True,
    ) as client:
        async with await client.open_session(client_session_name="watch-tags") as session:
            server = await session.register("watch-tags")
            names = {await session.add_item(server, tag): tag for tag in tags}
            async with session.stream_events(families=[DataChange]) as events:
                for item in names:
                    await session.advise(server, item)
                async for event in events:
                    if not isinstance(event, DataChange):
                        print(event)  # a gap: events were lost
                        continue
                    tag = names[event.item_handle]
                    print(event.source_timestamp, tag, event.value, event.quality)
                    count -= 1
                    if count == 0:
                        break


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Print data changes of tags.")
    parser.add_argument("tags", nargs="+")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio")
    options = parser.parse_args()
    anyio.run(watch, options.tags, options.count, backend=options.backend)


if __name__ == "__main__":
    main()
