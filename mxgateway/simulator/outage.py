"""Outages: why the attributes of an object stand still, and what they show meanwhile.

An object that is off scan shows quality 28 (MXAccess reference, section 5). What an
engine or a platform serves that was shut down fails (sections 4.1 and 2); it may also be
that nobody notices, and the last good value goes on being served (section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
)
from mxgateway.simulator.status import (
    ENGINE_STOPPED,
    PLATFORM_STOPPED,
    REQUEST_TIMED_OUT,
    make_status,
)

__all__ = ["OFF_SCAN", "Ending", "Outage", "host_status", "off_scan", "stopped"]

OFF_SCAN = 28  # OPC DA quality, MXAccess reference, section 5

Ending = Literal["stopped", "no-answer", "frozen"]
"""How an engine or a platform ends: its attributes fail because it is known to be stopped,
or because nothing answers; or they keep their last good values."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What has happened to an object.

    Attributes:
        since: The scan at which it happened.
        quality: What its attributes show; None for the quality that they had.
        failure: The status with which they fail; None where they only stand still.
        refusal: The status with which writes fail; None where `failure` says it, or where
            they take effect.
    """

    since: int
    quality: int | None = None
    failure: MxStatusProxy | None = None
    refusal: MxStatusProxy | None = None


def off_scan(since: int) -> Outage:
    """Return the outage of an object that is off scan."""
    return Outage(since, OFF_SCAN)


def stopped(since: int, host: str, ending: Ending, *, is_platform: bool) -> Outage:
    """Return the outage of what an engine or a platform serves that was shut down."""
    status = host_status(host, is_platform=is_platform)
    if ending == "frozen":
        return Outage(since, refusal=status)
    if ending == "stopped":
        return Outage(since, 0, status)
    status = make_status(
        MxStatusCategory.COMMUNICATION_ERROR,
        MxStatusSource.REQUESTING_NMX,
        REQUEST_TIMED_OUT,
        f"{host} does not answer",
    )
    return Outage(since, 0, status)


def host_status(host: str, *, is_platform: bool) -> MxStatusProxy:
    """Return the status of what an engine or a platform serves that was stopped."""
    return make_status(
        MxStatusCategory.COMMUNICATION_ERROR,
        MxStatusSource.REQUESTING_NMX if is_platform else MxStatusSource.RESPONDING_NMX,
        PLATFORM_STOPPED if is_platform else ENGINE_STOPPED,
        f"{host} was stopped",
    )
