"""The private names of grpclib and h2 that the transport stands on, and what it must not use."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import grpclib.client
import grpclib.events
import grpclib.metadata
import grpclib.protocol
import h2.connection
import h2.events
import pytest

import mxgateway
from mxgateway.transport import protocol

PACKAGE = Path(mxgateway.__file__).parent

NAMES = [
    (grpclib.client.Channel, "__connect__"),
    (grpclib.client.Channel, "_calls_started"),
    (grpclib.client.Channel, "_calls_succeeded"),
    (grpclib.client.Channel, "_calls_failed"),
    (grpclib.client.Channel, "_last_call_started"),
    (grpclib.client.Stream, "_send_request_done"),
    (grpclib.client.Stream, "_send_message_done"),
    (grpclib.client.Stream, "_end_done"),
    (grpclib.client.Stream, "_recv_initial_metadata_done"),
    (grpclib.client.Stream, "_recv_trailing_metadata_done"),
    (grpclib.client.Stream, "_cancel_done"),
    (grpclib.client.Stream, "_trailers_only"),
    (grpclib.client.Stream, "_messages_sent"),
    (grpclib.client.Stream, "_messages_received"),
    (grpclib.client, "Handler"),
    (grpclib.events, "_DispatchChannelEvents"),
    (grpclib.metadata, "_Metadata"),
    (grpclib.metadata, "USER_AGENT"),
    (grpclib.protocol.Connection, "feed"),
    (grpclib.protocol.Connection, "flush"),
    (grpclib.protocol.Connection, "get_peer"),
    (grpclib.protocol.Connection, "headers_send_process"),
    (grpclib.protocol.Connection, "data_send_process"),
    (grpclib.protocol.Stream, "closable"),
    (grpclib.protocol.EventsProcessor, "process"),
    (grpclib.protocol.EventsProcessor, "process_remote_settings_changed"),
    (grpclib.protocol.EventsProcessor, "process_window_updated"),
    (h2.connection.H2Connection, "_prepare_for_sending"),
    (h2.connection.H2Connection, "_receive_frame"),
    (h2.connection.H2Connection, "receive_data"),
]

CALL_ATTRIBUTES = {"_channel", "_method_name", "_metadata", "_cardinality", "_send_type"}

# What h2 may report and the transport leaves alone, on purpose.
IGNORED = {
    "AlternativeServiceAvailable",
    "InformationalResponseReceived",
    "PushedStreamReceived",  # push is switched off
    "UnknownFrameReceived",
    # Base classes, and the server's side or our own sending:
    "Event",
    "_HeadersSent",
    "_PushedRequestSent",
    "_RequestSent",
    "_ResponseSent",
    "_TrailersSent",
}


@pytest.mark.parametrize(("owner", "name"), NAMES, ids=lambda value: str(value))
def test_a_name_that_the_transport_relies_on_is_there(owner: object, name: str) -> None:
    assert hasattr(owner, name), (
        f"{owner} has lost {name!r}; mxgateway.transport relies on it, so the pin in "
        "pyproject.toml must not move before the transport does"
    )


def test_the_constructor_of_a_grpclib_call_sets_what_ours_reads() -> None:
    source = inspect.getsource(grpclib.client.Stream.__init__)
    assert {name for name in CALL_ATTRIBUTES if f"self.{name} " in source} == CALL_ATTRIBUTES


@pytest.mark.requirement("conn.unknown-frames")
def test_every_event_of_h2_is_handled_or_ignored_on_purpose() -> None:
    source = inspect.getsource(grpclib.protocol.EventsProcessor.__init__)
    events = {
        name
        for name, value in vars(h2.events).items()
        if inspect.isclass(value) and issubclass(value, h2.events.Event)
    }
    handled = {name for name in events if f"{name}:" in source}
    assert handled >= {"DataReceived", "ResponseReceived", "StreamReset", "TrailersReceived"}
    assert events - handled - IGNORED == set(), (
        "h2 knows new events; handle them in mxgateway/transport/protocol.py or list them here"
    )
    assert protocol.Protocol is not None


@pytest.mark.requirement("async.trio-real")
def test_no_module_of_library_or_command_line_imports_asyncio() -> None:
    folders = [PACKAGE, PACKAGE.parent / "cli"]
    offenders = []
    for path in (p for folder in folders for p in folder.rglob("*.py")):
        if "simulator" in path.parts or "generated" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            offenders += [str(path) for name in names if name.split(".")[0] == "asyncio"]
    assert offenders == []
