"""Tank guard: closes the inlet valve of a tank at a level, and acknowledges the tank's alarms.

    export MXGATEWAY_ENDPOINT=localhost:5000 MXGATEWAY_API_KEY=<gateway-api-key>
    python examples/tank_guard/tank_guard.py Tank_001 Valve_001.Cmd --limit 80

Runs until Ctrl-C and connects without TLS. The test beside it shows what it does when the plant or
the gateway misbehaves. It is an example, no safety function: that belongs into a controller.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Awaitable, Callable

import anyio

from mxgateway import (
    Alarm,
    GatewayClient,
    MxGatewayCommandError,
    MxGatewayError,
    TagValue,
    WriteOutcomeUnknownError,
)
from mxgateway.generated.mxaccess_gateway.v1 import AlarmConditionState

log = logging.getLogger("tank_guard")


class TankGuard:
    """Guards one tank.

    The valve is closed while the level is at the limit, above it, or not known: a value
    that is not good is no reason to let the tank fill.

    Args:
        client: A client that runs.
        tank: The object with the attribute Level.
        valve: The command of its inlet valve, true for open.
        limit: Level in percent.
        write_timeout: Seconds to wait for how a write ended.
        retry: Seconds before it subscribes again after a loss.
        looked: Called with each value once it was dealt with.
    """

    def __init__(
        self,
        client: GatewayClient,
        tank: str,
        valve: str,
        *,
        limit: float = 80.0,
        write_timeout: float = 10.0,
        retry: float = 5.0,
        looked: Callable[[TagValue], None] = lambda _value: None,
    ) -> None:
        self._client = client
        self._tank = tank
        self._level = f"{tank}.Level"
        self._valve = valve
        self._limit = limit
        self._write_timeout = write_timeout
        self._retry = retry
        self._looked = looked
        self._too_full = True  # until a good value says otherwise
        self._is_closed = False
        self._closed = anyio.Event()

    async def run(self) -> None:
        """Guard the tank until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._again_and_again, self._guard)
            tasks.start_soon(self._again_and_again, self._acknowledge)

    async def _again_and_again(self, part: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await part()
            except MxGatewayError as error:
                log.warning("%s; again in %g s", error, self._retry)
            await anyio.sleep(self._retry)

    # -- the valve -------------------------------------------------------------------

    async def _guard(self) -> None:
        async with self._client.subscribe([self._level, self._valve]) as updates:
            async for update in updates:
                if isinstance(update, TagValue):
                    await self._look(update)
                else:
                    # Values were lost: what we know may be old.
                    log.warning("%s", update)
                    for value in await self._client.read([self._level, self._valve]):
                        await self._look(value)

    async def _look(self, value: TagValue) -> None:
        if value.tag == self._level:
            level = value.value
            self._too_full = not (
                value.good and isinstance(level, float | int) and level < self._limit
            )
        else:
            self._know(closed=value.good and value.value is False)
        if self._too_full and not self._is_closed:
            await self._close(value)
        self._looked(value)

    async def _close(self, reason: TagValue) -> None:
        log.info("closing %s: %s", self._valve, reason)
        try:
            await self._client.write(self._valve, False, timeout=self._write_timeout)
        except WriteOutcomeUnknownError as error:
            # Closing twice does no harm, so the next value may try again. Where a second
            # write would (a pulse, a counter), look at the plant first.
            log.error("%s", error)
        except MxGatewayCommandError as error:
            log.error("%s was not closed: %s", self._valve, error)
        else:
            self._know(closed=True)

    def _know(self, *, closed: bool) -> None:
        if closed:
            self._closed.set()
        elif self._is_closed:
            self._closed = anyio.Event()
        self._is_closed = closed

    # -- the alarms ------------------------------------------------------------------

    async def _acknowledge(self) -> None:
        async with self._client.follow_alarms() as changes:
            async for change in changes:
                alarm = change.alarm
                if alarm is None or not self._is_ours(alarm):
                    continue
                await self._closed.wait()
                try:
                    await self._client.acknowledge_alarm(
                        alarm.reference, f"{self._valve} is closed", "tank-guard"
                    )
                except MxGatewayCommandError as error:
                    # It may have cleared meanwhile.
                    log.warning("%s", error)

    def _is_ours(self, alarm: Alarm) -> bool:
        high = alarm.type_name in ("Hi", "HiHi")
        ours = f".{self._level}." in f"{alarm.reference}."
        return high and ours and alarm.state is AlarmConditionState.ACTIVE


async def guard(tank: str, valve: str, limit: float) -> None:
    """Connect and guard."""
    async with GatewayClient.connect(
        endpoint=os.environ["MXGATEWAY_ENDPOINT"],
        api_key=os.environ.get("MXGATEWAY_API_KEY"),
        plaintext=True,
    ) as client:
        await TankGuard(client, tank, valve, limit=limit).run()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Close a valve before its tank overflows.")
    parser.add_argument("tank")
    parser.add_argument("valve")
    parser.add_argument("--limit", type=float, default=80.0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        anyio.run(guard, options.tank, options.valve, options.limit)
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()
