"""The control channel: faults of a running simulator, asked for from another process.

One JSON object per line over TCP on a loopback address, with a token in each. The
protocol is described in docs/simulator.md.
"""

from __future__ import annotations

from mxgateway.simulator.control.calls import CALLS, ControlCall
from mxgateway.simulator.control.client import ControlClient
from mxgateway.simulator.control.server import ControlServer

__all__ = ["CALLS", "ControlCall", "ControlClient", "ControlServer"]
