"""`batch`: the protocol, how lines are split, one connection for many, and what ends it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import rich_click as click
from hypothesis import given
from hypothesis import strategies as st

from mxgateway.simulator import ThreadedSimulator

Spawn = Callable[..., Any]
LIMIT = 30
END = "__MXGW_BATCH_EOR__"
batch = import_module("mxgateway_cli.batch")


def answers(out: str) -> list[Any]:
    """The results between the sentinels; nothing may follow the last one."""
    *parts, rest = out.split(END + "\n")
    assert rest == ""
    return [json.loads(part) for part in parts]


def lines(*texts: str) -> bytes:
    return "".join(text + "\n" for text in texts).encode()


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"))))
def test_quoted_words_come_through_as_they_are(words: list[str]) -> None:
    assert batch.tokens(shlex.join(words)) == words


@given(st.text(st.sampled_from("ab '\"\\\t\r\n#\xa0\u2028")))
def test_a_line_is_split_as_the_standard_library_splits_it(line: str) -> None:
    try:
        words = shlex.split(line)
    except ValueError:
        with pytest.raises(click.UsageError, match="cannot be split into words"):
            batch.tokens(line)
    else:
        assert batch.tokens(line) == words


def test_a_backslash_at_the_end_of_a_line_never_takes_the_line_end_into_a_word(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    word = "write SimProbe_001.TestString C:\\dir\\"
    outcome = spawn("batch", stdin=f"{word}\n{word}\r\n{word}".encode())
    found = answers(outcome.out)
    assert [a["exitCode"] for a in found] == [2, 2, 2]
    assert "nothing after the last backslash" in found[0]["error"]
    assert not connected.audit.writes("SimProbe_001.TestString")


def test_a_line_of_millions_of_characters_is_read_in_time(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    # Taking time by the square of the length, this would last for hours.
    outcome = spawn("batch", stdin=b"version " + b"x" * 5_000_000 + b"\nversion\n")
    failed, version = answers(outcome.out)
    assert failed["exitCode"] == 2
    assert version["gatewayProtocolVersion"] == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"x" * (2**24 + 1), "longer than 16,777,216 bytes"),
        (b" " * 2**24 + b"\rversion " + b"x" * 2**24, "longer than 16,777,216 bytes"),
        (b"read" + b" a" * 100_000, "more than 100,000 words"),
    ],
)
def test_a_line_that_is_too_long_fails_alone(
    spawn: Callable[..., Any], line: bytes, reason: str
) -> None:
    outcome = spawn("batch", stdin=line + b"\nversion\n" + line)
    failed, answered, cut_off = answers(outcome.out)
    assert reason in failed["error"]
    assert reason in cut_off["error"]
    assert answered["gatewayProtocolVersion"] == 3
    assert (outcome.code, outcome.err) == (0, "")


def test_a_failed_write_or_acknowledgement_is_a_line_that_fails(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    outcome = spawn(
        "batch",
        stdin=lines(
            "write No.Such 5",
            "write SimProbe_001.TestInt 5.5",
            "alarms ack Galaxy!No.Such",
            "write SimProbe_001.TestInt 5",
        ),
    )
    assert (outcome.code, outcome.err) == (0, "")
    *failed, written = answers(outcome.out)
    assert [(a["type"], a["exitCode"]) for a in failed] == [
        ("error", 8),
        ("error", 2),
        ("error", 7),
    ]
    assert [a["details"]["processed"] for a in failed] == ["no", "no", "yes"]
    assert written["ok"] is True


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"--ca-file 'C:\certs\ca.pem'", ["--ca-file", r"C:\certs\ca.pem"]),
        (r"--ca-file C:\certs\ca.pem", ["--ca-file", "C:certsca.pem"]),
        (r'a "say \"yes\"" c\ d', ["a", 'say "yes"', "c d"]),
        ("a # b $HOME *", ["a", "#", "b", "$HOME", "*"]),
        ("--value '' \t x", ["--value", "", "x"]),
    ],
)
def test_a_line_is_split_as_a_shell_does(line: str, words: list[str]) -> None:
    assert batch.tokens(line) == words


def test_lines_share_one_connection_and_failures_do_not_end_it(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    before = connected.audit.calls["OpenSession"]
    outcome = spawn(
        "batch",
        stdin=b"\xef\xbb\xbf"
        + lines(
            "open-session --client-session-name 'shift one'",
            "",
            "   ",
            "no-such-command",
            "register --session-id nobody --client-name c",
            'write --value "never closed',
            "smoke --item SimProbe_001.TestInt --output jsonl",
            "smoke --item SimProbe_001.TestInt --output table",
            "version --help",
            "simulate",
            "version",
        )
        + b"version --correlation \xff\n",
    )
    assert outcome.code == 0
    assert outcome.err == ""
    found = answers(outcome.out)
    assert [a.get("type") for a in found] == [
        None,
        *["error"] * 3,
        None,
        *["error"] * 3,
        None,
        "error",
    ]
    opened, unknown, nobody, unclosed, smoke, *_ = found
    assert opened["sessionId"].startswith("session-")
    assert "No such command" in unknown["error"]
    assert nobody["exitCode"] == nobody["details"].get("exitCode", 7)
    assert nobody["details"]["status"] == "NOT_FOUND"
    assert "No closing quotation".lower() in unclosed["error"]
    assert smoke["eventCount"] == 1
    assert "json or jsonl" in found[5]["error"]
    assert connected.audit.calls["OpenSession"] == before + 2


def test_all_lines_to_one_gateway_use_one_connection(
    spawn: Spawn, connected: ThreadedSimulator, relay_to: Any
) -> None:
    # This relay takes a single connection and refuses any further one.
    with relay_to(connected.port) as relay:
        words = ("--endpoint", f"127.0.0.1:{relay.port}", "--plaintext")
        text = lines(*["smoke --item SimProbe_001.TestInt"] * 3)
        outcome = spawn("batch", *words, stdin=text)
    assert [a["eventCount"] for a in answers(outcome.out)] == [1, 1, 1]


def test_options_of_batch_hold_unless_a_line_has_its_own(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    outcome = spawn(
        *("batch", "--endpoint", "127.0.0.1:1"),
        stdin=lines(
            "smoke --item SimProbe_001.TestInt",
            f"smoke --item SimProbe_001.TestInt --endpoint {connected.endpoint}",
            "config --fields name,source",
        ),
        MXGATEWAY_OUTPUT="csv",
    )
    refused, reached, config = answers(outcome.out)
    assert refused["exitCode"] == 3
    assert reached["eventCount"] == 1
    sources = {row["name"]: row["source"] for row in config["settings"]}
    assert sources["endpoint"] == "option --endpoint of batch"
    assert sources["plaintext"] == "variable MXGATEWAY_PLAINTEXT"


@pytest.mark.requirement("log.redact")
def test_keys_in_lines_are_hidden_in_echo_and_answers(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    outcome = spawn(
        *("batch", "--echo"),
        stdin=lines(
            "smoke --item x --api-key odd-key-of-one-line --timeout 5",
            "version odd-key-of-one-line",
            "version --api-key=other-odd-key",
        ),
    )
    refused, usage, _ = answers(outcome.out)
    assert "other-odd-key" not in outcome.out + outcome.err
    assert refused["exitCode"] == 5
    assert usage["exitCode"] == 2
    assert "odd-key-of-one-line" not in outcome.out + outcome.err
    assert "smoke --item x --api-key '***'" in outcome.err or "--api-key ***" in outcome.err


@pytest.mark.requirement("log.redact")
def test_a_key_that_has_to_be_quoted_and_secured_values_are_hidden_in_the_echo(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    handles = "--session-id s --server-handle 1 --item-handle 1 --current-user-id 1 --type int32"
    echoed = (
        ('version --api-key "odd\'key 1"', "version --api-key ***"),
        (f"write-secured {handles} --value 4711", f"write-secured {handles} --value ***"),
        (f"write-secured2 {handles} --value=4711", f"write-secured2 {handles} --value=***"),
        ("write-secured-bulk --values 4711,4712", "write-secured-bulk --values ***"),
        ("write A.B --json 4711 --user anna", "write A.B --json *** --user ***"),
        ("write --user=anna A.B -- 4711", "write --user=anna *** -- ***"),
        ("write A.B 5", "write A.B 5"),
    )
    outcome = spawn("batch", "--echo", stdin=lines(*(line for line, _ in echoed)))
    assert outcome.err.splitlines() == [shown for _, shown in echoed]
    assert "4711" not in outcome.out
    assert "odd'key 1" not in outcome.out


def test_an_answer_comes_before_the_next_line_is_read(
    script: list[str], connected: ThreadedSimulator
) -> None:
    process = subprocess.Popen(
        [*script, "batch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for _ in range(2):
            process.stdin.write("version\n")
            process.stdin.flush()
            got = []
            while (line := process.stdout.readline()) != END + "\n":
                assert line
                got.append(line)
            assert json.loads("".join(got))["gatewayProtocolVersion"] == 3
        process.stdin.close()
        assert process.wait(LIMIT) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="sending Ctrl-C needs POSIX signals")
@pytest.mark.requirement("cli.signal")
@pytest.mark.parametrize("busy", [True, False], ids=["in a stream", "between lines"])
def test_ctrl_c_ends_a_batch_with_130_and_resets_its_stream(
    script: list[str], advised: Any, connected: ThreadedSimulator, busy: bool
) -> None:
    before = connected.audit.streams_cancelled
    process = subprocess.Popen(
        [*script, "batch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    text = (
        f"stream-events --session-id {advised.session_id} --output jsonl\n" if busy else "version\n"
    )
    process.stdin.write(text.encode())
    process.stdin.flush()
    line = process.stdout.readline()
    while not busy and line != (END + "\n").encode():
        line = process.stdout.readline()
        assert line
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert err == b"interrupted\n"
    if busy:
        connected.wait_until(lambda s: s.audit.streams_cancelled == before + 1)


@pytest.mark.requirement("cli.pipe")
def test_a_reader_that_leaves_ends_a_batch_quietly(script: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [*script, "batch"],
        input=b"version\nversion\n",
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=LIMIT,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")
