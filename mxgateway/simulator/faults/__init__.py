"""Faults of a simulated gateway, on demand: by method calls, or through the control channel."""

from __future__ import annotations

from mxgateway.simulator.faults.faults import Faults
from mxgateway.simulator.faults.registry import Fault
from mxgateway.simulator.faults.threaded import ThreadedFaults

__all__ = ["Fault", "Faults", "ThreadedFaults"]
