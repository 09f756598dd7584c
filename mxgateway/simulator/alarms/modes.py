"""Alarm modes: `AlarmModeCmd` and `AlarmInhibit` of objects and areas, and what follows.

The mode of an object is the strictest of its own command, its inhibit and the mode of
what contains it. Disabled, its alarms are not there, whatever the process does (MXAccess
reference, sections 7.3 and 9). A silenced alarm is told like any other: our choice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mxgateway.simulator.galaxy.builtins import ALARM_MODES
from mxgateway.simulator.galaxy.model import Galaxy
from mxgateway.simulator.plant import Plant, Tag

__all__ = ["AlarmModes"]

_MODE, _COMMAND, _INHIBIT = "alarmmode", "alarmmodecmd", "alarminhibit"
_DISABLE = ALARM_MODES[-1]


class AlarmModes:
    """Keeps `AlarmMode` in step with the commands.

    Args:
        plant: The attributes.
        galaxy: Returns what is deployed: who contains whom.

    Attributes:
        on_change: Called when a mode may have changed.
    """

    def __init__(self, plant: Plant, galaxy: Callable[[], Galaxy]) -> None:
        self._plant = plant
        self._galaxy = galaxy
        # What was commanded or inhibited, by object; the mode that it leads to.
        self._commands: dict[str, str] = {}
        self._inhibited: set[str] = set()
        self.on_change: Callable[[], None] = lambda: None
        others = plant.on_new

        def entered(tag: Tag) -> None:
            others(tag)
            self._entered(tag)

        plant.on_new = entered
        self.reload()

    def reload(self) -> None:
        """Look at all attributes anew, as after a deploy."""
        self._commands.clear()
        self._inhibited.clear()
        used = self._plant.used
        for tag in used:
            self._entered(tag)
        self._show(used, None)

    def disabled(self, object_name: str) -> bool:
        """Whether the alarms of an object are disabled."""
        return self.mode(object_name) == _DISABLE

    def mode(self, object_name: str) -> str:
        """Return the mode of an object's alarms: Enable, Silence or Disable."""
        strictest = 0
        if not self._commands and not self._inhibited:
            return ALARM_MODES[strictest]
        galaxy = self._galaxy()
        key, spec = object_name.lower(), galaxy.by_tag(object_name)
        while True:
            own = _DISABLE if key in self._inhibited else self._commands.get(key, ALARM_MODES[0])
            strictest = max(strictest, ALARM_MODES.index(own))
            spec = None if spec is None else galaxy.by_id(spec.parent)
            if spec is None:
                return ALARM_MODES[strictest]
            key = spec.tag_name.lower()

    def _entered(self, tag: Tag) -> None:
        name = tag.spec.reference.partition(".")[2].lower()
        if name in (_COMMAND, _INHIBIT):
            tag.watchers[self] = self._commanded
            self._note(tag, name)
        elif name == _MODE:
            self._plant.set(tag, self.mode(tag.owner.name))

    def _note(self, tag: Tag, name: str) -> None:
        key = tag.owner.name.lower()
        if name == _INHIBIT:
            (self._inhibited.add if tag.value else self._inhibited.discard)(key)
        elif tag.value in ALARM_MODES[1:]:
            self._commands[key] = tag.value
        else:
            self._commands.pop(key, None)

    def _commanded(self, tag: Tag, now: datetime) -> None:
        self._note(tag, tag.spec.reference.partition(".")[2].lower())
        self._show(self._plant.used, now)
        self.on_change()

    def _show(self, tags: list[Tag], now: datetime | None) -> None:
        for tag in tags:
            if tag.spec.reference.partition(".")[2].lower() == _MODE:
                self._plant.set(tag, self.mode(tag.owner.name), now=now)
