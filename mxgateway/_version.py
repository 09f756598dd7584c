"""The version of this package and of the protocols it was made for, cheap to import."""

from typing import Final

__version__ = "0.1.0"

GATEWAY_PROTOCOL_VERSION: Final = 3
"""The version of the gateway's contract; an OpenSession reply carries the gateway's own."""

WORKER_PROTOCOL_VERSION: Final = 1
"""The version of the worker's contract; an OpenSession reply carries the worker's own."""
