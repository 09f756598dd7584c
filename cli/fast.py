"""The answers that need none of the command line's machinery, for scripts that ask often."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["answer"]

# What could change the bytes of the answer; with one of these set the long way is taken.
_HEEDED = ("MXGATEWAY_FIELDS", "MXGATEWAY_QUIET", "MXGATEWAY_VERBOSE", "_MXGW_PY_COMPLETE")


def answer(words: Sequence[str]) -> str | None:
    """Return what a command line prints where that is known at once, else None.

    These are `version --json` and `--version`, the same bytes as the long way gives.
    """
    asked = _ANSWERS.get(tuple(words))
    if asked is None or sys.stdout is None or any(os.environ.get(name) for name in _HEEDED):
        return None
    from mxgateway import _version as known

    return asked % {
        "client": known.__version__,
        "gateway": known.GATEWAY_PROTOCOL_VERSION,
        "worker": known.WORKER_PROTOCOL_VERSION,
    }


# Not by json: loading it takes longer than everything else here.
_VERSION_JSON = """\
{
  "clientVersion": "%(client)s",
  "gatewayProtocolVersion": %(gateway)d,
  "workerProtocolVersion": %(worker)d
}
"""
_ANSWERS = {
    ("version", "--json"): _VERSION_JSON,
    ("--version",): "mxgw-py %(client)s\n",
    ("-V",): "mxgw-py %(client)s\n",
}
