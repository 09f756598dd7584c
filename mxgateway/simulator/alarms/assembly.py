"""Putting the alarms of a gateway together: engine, modes, monitor."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mxgateway.simulator.alarms.areas import Areas
from mxgateway.simulator.alarms.conditions import Condition
from mxgateway.simulator.alarms.engine import AlarmEngine
from mxgateway.simulator.alarms.modes import AlarmModes
from mxgateway.simulator.alarms.monitor import AlarmMonitor
from mxgateway.simulator.clock import IdSource
from mxgateway.simulator.galaxy.model import Galaxy
from mxgateway.simulator.gateway import Gateway

__all__ = ["alarms_of"]


def alarms_of(
    gateway: Gateway,
    conditions: Iterable[Condition],
    *,
    galaxy: Callable[[], Galaxy],
    modes: AlarmModes,
    ids: IdSource,
) -> AlarmEngine:
    """Return the alarms of a gateway, which has their monitor then if it is enabled.

    Args:
        gateway: The gateway, with the plant.
        conditions: When alarms occur.
        galaxy: Returns what is deployed.
        modes: Says which objects have their alarms disabled.
        ids: Where native GUIDs come from.

    Raises:
        ConfigurationError: A condition reads what the plant does not have.
    """
    settings = gateway.settings
    areas = Areas(galaxy)
    engine = AlarmEngine(
        gateway.plant,
        conditions,
        clock=gateway.clock,
        ids=ids,
        group_of=areas.of,
        disabled=modes.disabled,
        forced_subtag=settings.forced_subtag,
        provider=settings.alarm_provider,
    )
    modes.on_change = engine.look_again
    if settings.alarms_enabled:
        gateway.alarms = AlarmMonitor(
            engine,
            areas,
            clock=gateway.clock,
            limit=settings.alarm_buffer,
            tells_provider=settings.provider_status_message,
            on_change=gateway.audit.changed,
        )
    return engine
