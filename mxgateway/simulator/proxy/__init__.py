"""FaultProxy: stands in front of any gateway and hurts connections at a byte or a frame.

Bytes it can hurt on any connection, TLS included; frames on plaintext HTTP/2 only.
"""

from __future__ import annotations

from mxgateway.simulator.proxy.pipe import Direction, Ending, Traffic
from mxgateway.simulator.proxy.proxy import FaultProxy
from mxgateway.simulator.proxy.threaded import ThreadedFaultProxy

__all__ = ["Direction", "Ending", "FaultProxy", "ThreadedFaultProxy", "Traffic"]
