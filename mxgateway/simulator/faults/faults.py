"""Faults: everything that can be made to go wrong with a simulated gateway."""

from __future__ import annotations

from mxgateway.simulator.faults.calls import CallFaults
from mxgateway.simulator.faults.network import NetworkFaults
from mxgateway.simulator.faults.plant import PlantFaults
from mxgateway.simulator.faults.sessions import SessionFaults

__all__ = ["Faults"]


class Faults(CallFaults, NetworkFaults, SessionFaults, PlantFaults):
    """The faults of one simulator (`Simulator.faults`).

    A method strikes at once and returns how many it struck, or sets a fault that
    lasts and returns its id; `active()` lists those and `clear()` ends them.
    Every method counts in `audit.faults`. All raise ConfigurationError for
    arguments that make no sense and ClientClosedError while the simulator does not run.
    """
