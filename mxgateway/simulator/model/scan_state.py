"""Which objects run: what `ScanStateCmd` and the end of engines and platforms lead to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.model.entries import ModelObject
from mxgateway.simulator.model.objects import PlantModel
from mxgateway.simulator.outage import Ending, Outage, off_scan, stopped
from mxgateway.simulator.plant import Plant, Tag

__all__ = ["ScanStates"]

_PLATFORM = 1
_HOSTS = frozenset({_PLATFORM, 3})  # and engines: off scan, so is what they host
_COMMAND = "scanstatecmd"
_STATE = "scanstate"


class ScanStates:
    """Keeps `ScanState` and the quality of attributes in step with what happens to objects.

    An object is on scan while its own command is true and that of every engine and
    platform that hosts it. Off scan its attributes have quality 28 and stand still. What
    an engine or a platform serves that was shut down fails, or stands still unnoticed.

    Args:
        plant: The running plant.
        model: What it was made from.
    """

    def __init__(self, plant: Plant, model: PlantModel) -> None:
        self._plant = plant
        # Objects whose own command is false, with the scan at which it became so.
        self._off: dict[str, int] = {}
        self._stopped: dict[str, Outage] = {}
        others = plant.on_new

        def entered(tag: Tag) -> None:
            others(tag)
            self._entered(tag)

        plant.on_new = entered
        self.follow(model)

    def follow(self, model: PlantModel) -> None:
        """Go by another model from now on; what is off scan or stopped stays so."""
        self.model = model
        self._off = {name: scan for name, scan in self._off.items() if name in model.by_name}
        self._stopped = {
            name: outage for name, outage in self._stopped.items() if name in model.by_name
        }
        for tag in self._plant.used:
            self._entered(tag)

    def stop(self, host: str, ending: Ending = "stopped") -> None:
        """Shut an engine or a platform down.

        Raises:
            ConfigurationError: There is no such engine or platform, it is stopped
                already, or it cannot end like that.
        """
        spec = self.model.by_name.get(host.lower())
        category = None if spec is None else self.model.category(spec.template)
        if spec is None or category not in _HOSTS:
            known = [o.name for o in self.model.objects if self._is_host(o)]
            raise ConfigurationError(
                f"{host!r} is no engine or platform of the plant; it has "
                f"{', '.join(known) or 'none'}"
            )
        if ending not in ("stopped", "no-answer", "frozen"):
            raise ConfigurationError(f"give stopped, no-answer or frozen, not {ending!r}")
        if host.lower() in self._stopped:
            raise ConfigurationError(f"{spec.name} is stopped already; start it first")
        self._stopped[host.lower()] = stopped(
            self._plant.scans, spec.name, ending, is_platform=category == _PLATFORM
        )
        self._changed(host.lower())

    def start(self, host: str) -> None:
        """Start an engine or a platform again; nothing happens where it runs."""
        if self._stopped.pop(host.lower(), None) is not None:
            self._changed(host.lower())

    def _is_host(self, spec: ModelObject) -> bool:
        return self.model.category(spec.template) in _HOSTS

    def _entered(self, tag: Tag) -> None:
        """Look after an attribute that is used for the first time."""
        name = tag.spec.reference.rpartition(".")[2].lower()
        spec = self.model.by_name.get(tag.owner.name.lower())
        if spec is None:
            return
        if name == _COMMAND:
            tag.watchers[self] = self._commanded
        outage = self.outage(spec)
        if outage is None:
            return
        if name == _STATE:
            self._plant.set(tag, value=False)
        self._plant.hold(spec.name, outage)

    def _commanded(self, tag: Tag, _now: datetime) -> None:
        key = tag.owner.name.lower()
        if tag.value:
            self._off.pop(key, None)
        else:
            self._off.setdefault(key, self._plant.scans)
        self._changed(key)

    def _changed(self, key: str) -> None:
        for owner in self._plant.owners:
            spec = self.model.by_name.get(owner.name.lower())
            if spec is not None and (spec.name.lower() == key or key in self._hosts(spec)):
                self._apply(spec)

    def _apply(self, spec: ModelObject) -> None:
        outage = self.outage(spec)
        self._plant.hold(spec.name, outage)
        state = self._plant.find(f"{spec.name}.{_STATE}")
        if state is not None and (outage is None or outage.failure is None):
            self._plant.set(state, outage is None)

    def outage(self, spec: ModelObject) -> Outage | None:
        """Return why an object does not run; None for one that does."""
        if not self._off and not self._stopped:
            return None
        names = (spec.name.lower(), *self._hosts(spec))
        found = [off_scan(self._off[name]) for name in names if name in self._off]
        found += [self._stopped[name] for name in names if name in self._stopped]
        # A failure is what a client sees, whatever is off scan besides.
        return max(
            found,
            key=lambda each: (each.failure is not None, each.quality is not None),
            default=None,
        )

    def _hosts(self, spec: ModelObject) -> Iterator[str]:
        """Yield the engines and platforms that an object runs on, in lower case."""
        seen: set[str] = set()
        while (key := spec.host.lower()) and key not in seen:
            seen.add(key)
            spec = self.model.by_name[key]
            if self._is_host(spec):
                yield key
