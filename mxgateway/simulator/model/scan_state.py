"""Which objects are on scan: what `ScanStateCmd` of objects, engines and platforms leads to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mxgateway.simulator.model.objects import ModelObject, PlantModel
from mxgateway.simulator.plant import Plant, Tag

__all__ = ["ScanStates"]

_HOSTS = frozenset({1, 3})  # platforms and engines: off scan, so is what they host
_COMMAND = "scanstatecmd"
_STATE = "scanstate"


class ScanStates:
    """Keeps `ScanState` and the quality of attributes in step with `ScanStateCmd`.

    An object is on scan while its own command is true and that of every engine and
    platform that hosts it. Off scan its attributes have quality 28 and stand still.

    Args:
        plant: The running plant.
        model: What it was made from.
    """

    def __init__(self, plant: Plant, model: PlantModel) -> None:
        self._plant = plant
        # Objects whose own command is false, with the scan at which it became so.
        self._off: dict[str, int] = {}
        others = plant.on_new

        def entered(tag: Tag) -> None:
            others(tag)
            self._entered(tag)

        plant.on_new = entered
        self.follow(model)

    def follow(self, model: PlantModel) -> None:
        """Go by another model from now on; what is off scan stays off scan."""
        self.model = model
        self._off = {name: scan for name, scan in self._off.items() if name in model.by_name}
        for tag in self._plant.used:
            self._entered(tag)

    def _entered(self, tag: Tag) -> None:
        """Look after an attribute that is used for the first time."""
        name = tag.spec.reference.rpartition(".")[2].lower()
        spec = self.model.by_name.get(tag.owner.name.lower())
        if spec is None:
            return
        if name == _COMMAND:
            tag.watchers[self] = self._commanded
        elif (since := self.off_since(spec)) is not None:
            if name == _STATE:
                self._plant.set(tag, value=False)
            else:
                self._plant.hold(spec.name, since)

    def _commanded(self, tag: Tag, _now: datetime) -> None:
        key = tag.owner.name.lower()
        if tag.value:
            self._off.pop(key, None)
        else:
            self._off.setdefault(key, self._plant.scans)
        for owner in self._plant.owners:
            spec = self.model.by_name.get(owner.name.lower())
            if spec is not None and (spec.name.lower() == key or key in self._hosts(spec)):
                self._apply(spec)

    def _apply(self, spec: ModelObject) -> None:
        since = self.off_since(spec)
        self._plant.hold(spec.name, since)
        state = self._plant.find(f"{spec.name}.{_STATE}")
        if state is not None:
            self._plant.set(state, since is None)

    def off_since(self, spec: ModelObject) -> int | None:
        """Return the scan at which an object went off scan; None for one that is on scan."""
        if not self._off:
            return None
        names = (spec.name.lower(), *self._hosts(spec))
        return min((self._off[name] for name in names if name in self._off), default=None)

    def _hosts(self, spec: ModelObject) -> Iterator[str]:
        """Yield the engines and platforms that an object runs on, in lower case."""
        seen: set[str] = set()
        while (key := spec.host.lower()) and key not in seen:
            seen.add(key)
            spec = self.model.by_name[key]
            if self.model.category(spec.template) in _HOSTS:
                yield key
