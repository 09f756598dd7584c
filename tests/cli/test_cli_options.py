"""Connection and output options: what is chosen, what is refused, and that keys stay hidden."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]
SMOKE = ("smoke", "--item", "SimProbe_001.TestInt", "--json")


def test_without_a_choice_of_security_the_command_asks_for_one_even_on_localhost(run: Run) -> None:
    outcome = run(*SMOKE, "--endpoint", "localhost:5000")
    assert outcome.code == 2
    assert outcome.out == ""
    assert "choose --plaintext or --tls" in outcome.error()["message"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--plaintext", "--tls"), "--plaintext contradicts --tls"),
        (("--plaintext", "--output", "jsonl"), "--json contradicts --output jsonl"),
        (("--plaintext", "--api-key", "a-key", "--api-key-env", "X"), "contradicts --api-key-env"),
        (("--plaintext", "--api-key-env", "NOT_SET"), "NOT_SET is not set or empty"),
        (("--plaintext", "--timeout", "0"), "--timeout"),
        (("--plaintext", "--timeout", "soon"), "'soon' is not a valid float"),
        (("--plaintext", "--max-events", "0"), "--max-events"),
        (("--plaintext", "--endpoint", "nowhere"), "has no port"),
        (("--plaintext", "--ca-file", "x.pem"), "ca_file has no meaning with plaintext"),
        (("--tls", "--ca-file", "no-such.pem"), "there is no file 'no-such.pem'"),
        (("--plaintext", "--nonsense"), "--nonsense"),
    ],
)
def test_a_wrong_or_contradicting_option_is_a_usage_error_that_names_it(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    outcome = run(*SMOKE, *words)
    assert outcome.code == 2
    assert outcome.out == ""
    error = outcome.error()
    assert said in error["message"]
    assert error["exitCode"] == 2


def test_a_usage_error_for_people_shows_usage_and_where_help_is(run: Run) -> None:
    outcome = run("register", "--plaintext")
    assert outcome.code == 2
    assert outcome.err.startswith("Usage: mxgw-py register [OPTIONS]\n")
    assert "Try 'mxgw-py register --help'" in outcome.err
    assert "--session-id" in outcome.err


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_the_variable_chooses_plaintext(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MXGATEWAY_PLAINTEXT", value)
    assert run(*SMOKE).code == 0


@pytest.mark.parametrize(("variable", "words"), [("0", ()), ("1", ("--tls",))])
def test_tls_is_chosen_by_the_variable_or_by_the_option_against_it(
    run: Run,
    connected: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("MXGATEWAY_PLAINTEXT", variable)
    outcome = run(*SMOKE, *words)
    assert outcome.code == 4
    assert outcome.error()["connection"]["security"] == "TLS"


def test_a_variable_that_is_neither_yes_nor_no_is_refused(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "maybe")
    outcome = run(*SMOKE)
    assert outcome.code == 2
    assert "MXGATEWAY_PLAINTEXT is 'maybe'" in outcome.error()["message"]


def test_tls_variables_for_the_usual_gateway_do_not_hinder_plaintext_to_another(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXGATEWAY_CA_FILE", "no-such.pem")
    monkeypatch.setenv("MXGATEWAY_SERVER_NAME_OVERRIDE", "gateway.example")
    assert run(*SMOKE).code == 0


def test_command_line_wins_over_environment(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXGATEWAY_ENDPOINT", "localhost:1")
    monkeypatch.setenv("MXGATEWAY_API_KEY", "mxgw_wrong_key")
    words = ("--endpoint", connected.endpoint, "--api-key", connected.api_key)
    assert run(*SMOKE, *words).code == 0


def test_the_key_can_come_from_any_named_variable(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXGATEWAY_API_KEY", "mxgw_wrong_key")
    monkeypatch.setenv("PLANT_KEY", connected.api_key)
    assert run(*SMOKE, "--api-key-env", "PLANT_KEY").code == 0


@pytest.mark.parametrize("key", ["mxgw_demo_s3cret_with_more", "odd-key-without-prefix"])
@pytest.mark.parametrize("source", ["option", "variable", "named"])
@pytest.mark.parametrize("style", [("--json",), ()])
def test_a_refused_key_is_never_shown_but_its_source_is(
    run: Run,
    connected: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    source: str,
    style: tuple[str, ...],
) -> None:
    words: tuple[str, ...] = ()
    monkeypatch.delenv("MXGATEWAY_API_KEY")
    if source == "option":
        words, name = ("--api-key", key), "--api-key"
    else:
        name = "MXGATEWAY_API_KEY" if source == "variable" else "PLANT_KEY"
        monkeypatch.setenv(name, key)
        if source == "named":
            words = ("--api-key-env", name)
    outcome = run("smoke", "--item", "SimProbe_001.TestInt", *style, *words)
    assert outcome.code == 5
    shown = outcome.out + outcome.err
    assert key not in shown
    assert "s3cret" not in shown
    assert f"API key from {name}" in shown or f"environment variable {name}" in shown
    assert connected.endpoint in shown
    assert "mxgw-py" in shown


def test_a_key_given_where_another_word_belongs_is_not_echoed(run: Run) -> None:
    outcome = run("version", "--api-key", "mxgw_demo_s3cret", "mxgw_demo_s3cret")
    assert outcome.code == 2
    assert "s3cret" not in outcome.err


def test_tls_with_the_right_authority_and_name_connects(
    run: Run, tls_files: Any, tmp_path: Path
) -> None:
    from mxgateway.simulator import TlsFiles

    tls = TlsFiles(tls_files.cert_file, tls_files.key_file)
    with ThreadedSimulator(tls=tls, interval=None) as simulator:
        base = (*SMOKE, "--tls", "--endpoint", simulator.endpoint, "--api-key", simulator.api_key)
        trusted = ("--ca-file", str(tls_files.ca_file))
        assert run(*base, *trusted).code == 0
        override = ("--server-name-override", "gateway.plant.example")
        assert run(*base, *trusted, *override).code == 0
        assert run(*base, *trusted, "--server-name-override", "other.example").code == 4
        assert run(*base).code == 4
