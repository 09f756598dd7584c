"""`doctor` and `trust`: what they find, what they advise, and what they leave alone."""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import trustme

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxDataType,
    MxEvent,
    MxValue,
    OpenSessionReply,
    ProtocolStatus,
    ProtocolStatusCode,
)
from mxgateway.options import ClientOptions
from mxgateway.simulator import ALL_SCOPES, ApiKey, Settings, ThreadedSimulator, TlsFiles

Run = Callable[..., Any]
ITEM = ("--item", "SimProbe_001.TestInt")
newer = import_module("mxgateway_cli.doctor.newer")


def findings(outcome: Any) -> dict[str, dict[str, Any]]:
    return {row["check"]: row for row in outcome.json()["findings"]}


def outcomes(outcome: Any) -> dict[str, str]:
    return {name: row["outcome"] for name, row in findings(outcome).items()}


@contextmanager
def tls_gateway(files: Any) -> Iterator[ThreadedSimulator]:
    with ThreadedSimulator(
        tls=TlsFiles(files.cert_file, files.key_file), interval=None
    ) as simulator:
        yield simulator


def test_a_healthy_gateway_has_no_finding_to_act_on_and_nothing_is_written(
    run: Run, connected: ThreadedSimulator
) -> None:
    writes = len(connected.audit.writes("SimProbe_001.TestInt"))
    outcome = run("doctor", *ITEM, "--json")
    assert outcome.code == 0
    found = outcomes(outcome)
    assert found.pop("scope write") == "skipped"
    assert set(found.values()) == {"ok"}
    assert set(found) >= {
        *("name", "tcp", "tls", "connection", "session", "versions", "round trip", "events"),
        *("clock", "galaxy", "contract"),
    }
    document = outcome.json()
    assert (document["outcome"], document["exitCode"]) == ("ok", 0)
    assert len(connected.audit.writes("SimProbe_001.TestInt")) == writes
    assert connected.session_count == 0
    table = run("doctor", *ITEM).out
    assert "ok       first event of SimProbe_001.TestInt" in table


def test_a_host_without_an_address_ends_at_once_with_the_exit_code_of_no_connection(
    run: Run,
) -> None:
    outcome = run("doctor", "--plaintext", "--endpoint", "no-such-host.invalid:5000", "--json")
    assert outcome.code == 3
    assert outcomes(outcome) == {"name": "failed"}
    assert "DNS" in findings(outcome)["name"]["advice"]


def test_a_port_where_nobody_listens_is_told_for_each_address(run: Run) -> None:
    outcome = run("doctor", "--plaintext", "--endpoint", "127.0.0.1:1", "--json")
    assert outcome.code == 3
    assert outcomes(outcome) == {"name": "ok", "tcp": "failed"}
    assert "127.0.0.1: " in findings(outcome)["tcp"]["text"]


def test_a_refused_key_is_five_and_ends_the_examination(
    run: Run, connected: ThreadedSimulator
) -> None:
    outcome = run("doctor", "--json", "--api-key", "odd-key-of-nobody")
    assert outcome.code == 5
    assert outcomes(outcome)["session"] == "failed"
    assert "odd-key-of-nobody" not in outcome.out
    assert "galaxy" not in outcomes(outcome)


@pytest.mark.parametrize(
    ("missing", "check"),
    [("events:read", "events"), ("metadata:read", "galaxy"), ("invoke:read", "session")],
)
def test_a_scope_that_the_key_lacks_is_named(run: Run, missing: str, check: str) -> None:
    key = ApiKey("mxgw_few_scopes", frozenset(ALL_SCOPES) - {missing})
    with ThreadedSimulator(interval=None, keys=[key]) as simulator:
        base = ("--plaintext", "--endpoint", simulator.endpoint, "--api-key", key.key)
        outcome = run("doctor", *base, "--json")
        assert simulator.session_count == 0
    finding = findings(outcome)[check]
    assert missing in finding["text"]
    # Without commands nothing works; events and browsing are needed by some only.
    assert finding["outcome"] == ("failed" if check == "session" else "warning")
    assert outcome.code == (5 if check == "session" else 0)


def test_a_bad_value_is_a_warning_and_silence_a_failure(
    run: Run, connected: ThreadedSimulator
) -> None:
    outcome = run("doctor", "--item", "SimProbe_001.AlwaysBad", "--json")
    assert outcome.code == 0
    assert outcomes(outcome)["events"] == "warning"
    with ThreadedSimulator(interval=None, settings=Settings(first_value_delay=60.0)) as slow:
        base = ("--endpoint", slow.endpoint, "--api-key", slow.api_key, "--timeout", "0.5")
        silent = run("doctor", *ITEM, *base, "--json")
    assert silent.code == 6
    assert outcomes(silent)["events"] == "failed"


def test_a_tag_that_does_not_exist_is_told_from_a_bad_value(
    run: Run, connected: ThreadedSimulator
) -> None:
    outcome = run("doctor", "--item", "No.Such", "--json")
    assert outcome.code == 0
    finding = findings(outcome)["events"]
    assert finding["outcome"] == "warning"
    assert "the reference cannot be resolved" in finding["text"]
    assert "the name of the tag" in finding["advice"]


def test_a_gateway_of_another_version_is_told_with_what_it_sends(
    run: Run, connected: ThreadedSimulator
) -> None:
    opened = run("open-session", "--json").json()
    reply = OpenSessionReply(
        session_id=opened["sessionId"],
        gateway_protocol_version=9,
        worker_protocol_version=1,
        protocol_status=ProtocolStatus(code=ProtocolStatusCode.OK),
    )
    newer_field = b"\xe8\x04\x01"  # field 77, a varint
    connected.faults.corrupt_replies(method="OpenSession", data=bytes(reply) + newer_field)
    outcome = run("doctor", *ITEM, "--json")
    assert outcome.code == 0
    found = findings(outcome)
    assert found["versions"]["outcome"] == found["contract"]["outcome"] == "warning"
    assert "gateway protocol 9" in found["versions"]["text"]
    assert found["contract"]["details"] == {"unknown": ["OpenSessionReply: field 77"]}


def test_tls_shows_the_certificate_even_where_it_is_not_trusted(run: Run, tls_files: Any) -> None:
    with tls_gateway(tls_files) as simulator:
        base = ("doctor", "--tls", "--endpoint", simulator.endpoint, "--json")
        key = ("--api-key", simulator.api_key)
        strange = run(*base, *key)
        trusted = run(*base, *key, "--ca-file", str(tls_files.ca_file))
    assert strange.code == 4
    assert outcomes(strange)["certificate"] == "ok"
    assert outcomes(strange)["connection"] == "failed"
    assert "ca_file" in findings(strange)["connection"]["text"]
    assert trusted.code == 0
    details = findings(trusted)["certificate"]["details"]
    assert "DNS:localhost" in details["names"]
    der = ssl.PEM_cert_to_DER_cert(tls_files.cert_file.read_text().split("-----END")[0] + _END)
    assert details["fingerprint"].replace(":", "").lower() == _sha256(der)


_END = "-----END CERTIFICATE-----\n"


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


@pytest.mark.requirement("tls.diagnose")
@pytest.mark.parametrize(
    ("days", "said"), [(-1, "It has expired"), (5, "It expires in 4 days"), (500, "")]
)
def test_dates_of_the_certificate_are_judged(
    run: Run, tmp_path: Path, days: int, said: str
) -> None:
    authority = trustme.CA()
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    server = authority.issue_cert(
        "localhost",
        "127.0.0.1",
        not_before=dt.datetime.now(dt.UTC) - dt.timedelta(days=10),
        not_after=until,
    )
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    server.cert_chain_pems[0].write_to_path(cert)
    server.private_key_pem.write_to_path(key)
    with ThreadedSimulator(tls=TlsFiles(cert, key), interval=None) as simulator:
        outcome = run("doctor", "--tls", "--endpoint", simulator.endpoint, "--json")
    finding = findings(outcome)["certificate"]
    assert said in finding["advice"]
    assert finding["outcome"] == ("warning" if said else "ok")
    assert finding["details"]["notAfter"] == until.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_tls_to_a_plaintext_port_says_so(run: Run, sim: ThreadedSimulator) -> None:
    outcome = run("doctor", "--tls", "--endpoint", sim.endpoint, "--json")
    assert outcome.code == 4
    assert outcomes(outcome)["certificate"] == "failed"
    assert "see --plaintext" in findings(outcome)["connection"]["text"]


def test_plaintext_beyond_this_machine_is_a_warning() -> None:
    network = import_module("mxgateway_cli.doctor.network")
    report = import_module("mxgateway_cli.doctor.findings").Report
    outcomes = {}
    for endpoint in ("127.0.0.1:5000", "LOCALHOST:5000", "192.0.2.1:5000"):
        told = report()
        network._tell_plaintext(told, ClientOptions(endpoint=endpoint, plaintext=True))
        outcomes[endpoint.partition(":")[0]] = told.findings[0].outcome.value
    assert outcomes == {"127.0.0.1": "ok", "LOCALHOST": "ok", "192.0.2.1": "warning"}


def test_what_the_contract_does_not_name_is_found_wherever_it_stands() -> None:
    reply = OpenSessionReply(
        session_id="s", protocol_status=ProtocolStatus.parse(b"\x08\x63\x90\x03\x01")
    )
    reply._unknown_fields = b"\x9d\x06\x01\x02\x03\x04\xa2\x06\x02hi\xa9\x06" + bytes(8)
    event = MxEvent(value=MxValue(data_type=MxDataType(77)))
    assert newer.unknown_parts(reply) == [
        "OpenSessionReply: field 100",
        "OpenSessionReply: field 101",
        "OpenSessionReply: field 99",
        "ProtocolStatus.code: number 99",
        "ProtocolStatus: field 50",
    ]
    assert newer.unknown_parts(event) == ["MxValue.data_type: number 77"]
    assert newer.unknown_parts(OpenSessionReply(session_id="s")) == []


# -- trust ---------------------------------------------------------------------------


def test_trust_writes_a_certificate_that_a_client_can_use(
    run: Run, self_signed: Any, tmp_path: Path
) -> None:
    target = tmp_path / "new" / "plant.pem"
    with tls_gateway(self_signed) as simulator:
        words = ("trust", simulator.endpoint, "--json", "--output-file", str(target))
        shown = run(*words)
        assert shown.code == 0
        assert shown.json()["writtenTo"] is None
        assert "--yes" in shown.err
        assert not target.exists()
        written = run(*words, "--yes")
        assert written.json() == shown.json() | {"writtenTo": str(target)}
        assert target.read_text() == self_signed.cert_file.read_text()
        pinned = ("--ca-file", str(target), "--server-name-override", "anything")
        base = ("doctor", "--tls", "--endpoint", simulator.endpoint, "--json")
        refused = findings(run(*base, *pinned))["connection"]["text"]
    # The certificate itself is accepted; it has no name of the host in it.
    assert "self-signed" not in refused
    assert shown.json()["selfSigned"] is True
    assert shown.json()["usableAsCaFile"] is True


def test_trust_of_a_certificate_signed_by_another_gives_the_fingerprint_instead(
    run: Run, tls_files: Any, tmp_path: Path
) -> None:
    target = tmp_path / "plant.pem"
    with tls_gateway(tls_files) as simulator:
        outcome = run("trust", simulator.endpoint, "--yes", "--output-file", str(target))
        base = ("--tls", "--endpoint", simulator.endpoint, "--api-key", simulator.api_key)
        fingerprint = outcome.err.split("--fingerprint ")[1].strip()
        pinned = run("smoke", *ITEM, *base, "--fingerprint", fingerprint)
    assert outcome.code == 0
    assert "Nothing was written" in outcome.err
    assert "DNS:localhost" in outcome.out
    assert not target.exists()
    assert pinned.code == 0


def test_a_certificate_that_takes_the_place_of_another_is_told(
    run: Run, self_signed: Any, tmp_path: Path
) -> None:
    target = tmp_path / "plant.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(target)
    old = _sha256(ssl.PEM_cert_to_DER_cert(target.read_text(encoding="ascii"))).upper()
    with tls_gateway(self_signed) as simulator:
        words = ("trust", simulator.endpoint, "--output-file", str(target), "--yes", "--json")
        changed, same = run(*words), run(*words)
    assert changed.json()["keptBefore"].replace(":", "") == old
    assert "holds another certificate" in changed.err
    assert changed.json()["writtenTo"] == str(target)
    assert same.json()["keptBefore"] is None
    assert "holds another" not in same.err


def test_an_empty_file_such_as_mktemp_makes_is_written(
    run: Run, self_signed: Any, tmp_path: Path
) -> None:
    target = tmp_path / "tmp.abc"
    target.touch()
    with tls_gateway(self_signed) as simulator:
        run("trust", simulator.endpoint, "--output-file", str(target), "--yes", "--json").json()
    assert target.read_text(encoding="ascii").startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.skipif(os.name == "nt", reason="owners of POSIX")
def test_a_link_that_somebody_else_has_put_there_is_refused(
    run: Run, self_signed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, victim = tmp_path / "plant.pem", tmp_path / "victim"
    link.symlink_to(victim)
    if os.geteuid() == 0:
        os.lchown(link, 12_345, 12_345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with tls_gateway(self_signed) as simulator:
        outcome = run("trust", simulator.endpoint, "--output-file", str(link), "--yes", "--json")
    assert outcome.code == 2
    assert "a link of somebody else" in outcome.error()["message"]
    assert not victim.exists()


@pytest.mark.parametrize("content", ["[profiles]\n", "two"])
def test_a_file_that_is_no_single_certificate_is_left_as_it_is(
    run: Run, self_signed: Any, tmp_path: Path, content: str
) -> None:
    target = tmp_path / "precious"
    if content == "two":
        for _ in range(2):
            trustme.CA().cert_pem.write_to_path(target, append=True)
    else:
        target.write_text(content, encoding="ascii")
    before = target.read_bytes()
    with tls_gateway(self_signed) as simulator:
        outcome = run("trust", simulator.endpoint, "--output-file", str(target), "--yes", "--json")
    assert outcome.code == 2
    assert "no single certificate" in outcome.error()["message"]
    assert target.read_bytes() == before


def test_without_a_file_name_it_is_kept_beside_the_profiles(run: Run, self_signed: Any) -> None:
    with tls_gateway(self_signed) as simulator:
        written = Path(run("trust", simulator.endpoint, "--yes", "--json").json()["writtenTo"])
    assert written.is_file()
    assert written.parent.name == "trusted"
    assert ":" not in written.name


def test_a_port_without_tls_and_one_that_is_silent_end_within_the_timeout(
    run: Run, sim: ThreadedSimulator
) -> None:
    assert run("trust", sim.endpoint, "--json").code == 4
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"127.0.0.1:{silent.getsockname()[1]}"
        outcome = run("trust", endpoint, "--timeout", "0.3", "--json")
    assert outcome.code == 3
    assert "did not come within 0.3 s" in outcome.error()["message"]


def test_a_peer_with_another_certificate_each_time_is_refused(run: Run, tmp_path: Path) -> None:
    contexts = []
    for name in ("one", "two"):
        authority = trustme.CA()
        cert, key = tmp_path / f"{name}.pem", tmp_path / f"{name}-key.pem"
        authority.cert_pem.write_to_path(cert)
        authority.private_key_pem.write_to_path(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        contexts.append(context)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for context in (contexts[0], contexts[1], contexts[1]):
                with listener.accept()[0] as raw:
                    try:
                        with context.wrap_socket(raw, server_side=True) as tls:
                            tls.recv(1)
                    except OSError:
                        continue  # The client refused what it was shown.

        thread = threading.Thread(target=serve)
        thread.start()
        outcome = run("trust", f"127.0.0.1:{listener.getsockname()[1]}", "--json", "--yes")
        thread.join(30)
    assert outcome.code == 4
    assert outcome.out == ""
    assert "another one at each connection" in outcome.error()["message"]
