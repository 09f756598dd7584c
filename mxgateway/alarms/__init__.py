"""Alarms: what is active, what happens, and acknowledging."""

from mxgateway.alarms.alarm import Alarm, AlarmProvider
from mxgateway.alarms.book import AlarmBook
from mxgateway.alarms.changes import AlarmChange, AlarmChangeKind
from mxgateway.alarms.follower import AlarmFollower
from mxgateway.alarms.references import (
    AlarmReference,
    normalise_alarm_prefix,
    normalise_alarm_reference,
    split_alarm_reference,
)

__all__ = [
    "Alarm",
    "AlarmBook",
    "AlarmChange",
    "AlarmChangeKind",
    "AlarmFollower",
    "AlarmProvider",
    "AlarmReference",
    "normalise_alarm_prefix",
    "normalise_alarm_reference",
    "split_alarm_reference",
]
