"""Forks while a synchronous client is connected; run as a process by test_forked_child.py.

python forking_sync_steps.py BACKEND ENDPOINT API_KEY

The child tries the client, drops it and ends as any program does, with its exit handlers; then
the parent goes on. Prints one JSON object with what each of them got.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

from mxgateway import ClientClosedError
from mxgateway.sync import GatewayClient

BACKEND, ENDPOINT, API_KEY = sys.argv[1:]
TAG = "SimProbe_001.TestInt"


def outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientClosedError as error:
        return str(error)
    return "done"


def in_child(client: GatewayClient, session: Any, events: Any, values: Any) -> dict[str, str]:
    return {
        "unary": outcome(lambda: client.open_session("child")),
        "session": outcome(lambda: session.register("child")),
        "tags": outcome(lambda: client.read(TAG)),
        "galaxy": outcome(lambda: client.galaxy().test_connection()),
        "events": outcome(lambda: next(events)),
        "values": outcome(lambda: next(values)),
        "values add": outcome(lambda: values.add("Tank_001.Level")),
        "events close": outcome(events.close),
        "values close": outcome(values.close),
        "close": outcome(client.close),
    }


def main() -> None:
    read_end, write_end = os.pipe()
    client = GatewayClient.connect(
        endpoint=ENDPOINT, api_key=API_KEY, plaintext=True, backend=BACKEND
    )
    session = client.open_session("parent")
    with session.stream_events() as events, client.subscribe(TAG) as values:
        child = os.fork()
        if child == 0:
            seen = in_child(client, session, events, values)
            os.write(write_end, json.dumps(seen).encode())
            os.close(write_end)
            del client, session, events, values
            gc.collect()
            sys.exit(0)  # not os._exit: what runs at the end must not hang either
        os.close(write_end)
        told = b""
        while data := os.read(read_end, 65_536):
            told += data
        os.close(read_end)
        _, status = os.waitpid(child, 0)
        next(values)
        parent = [value.ok for value in client.read(TAG)]
    session.close()
    client.close()
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps({"child": json.loads(told), "code": code, "parent": parent}))


if __name__ == "__main__":
    # Python 3.12 warns of forking beside other threads; here there is one on purpose.
    warnings.filterwarnings("ignore", "This process", DeprecationWarning)
    main()
