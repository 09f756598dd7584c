"""Settings: which place wins, profiles, where keys come from, and what `config` says about it."""

from __future__ import annotations

import json
import os
import stat
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]
SMOKE = ("smoke", "--item", "SimProbe_001.TestInt", "--json")
SETTINGS = import_module("mxgateway_cli.settings.table").SETTINGS
profiles_module = import_module("mxgateway_cli.settings.profiles")


def settings(run: Run, *words: str) -> dict[str, dict[str, Any]]:
    """What `config` says, by name."""
    rows = run("config", "--json", *words).json()["settings"]
    return {row["name"]: row for row in rows}


def add(run: Run, name: str, *words: str) -> None:
    outcome = run("profile", "add", name, *words, "--json")
    assert outcome.code == 0, outcome.err


def test_option_beats_variable_beats_profile_beats_default(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endpoint(*words: str) -> tuple[Any, Any]:
        row = settings(run, *words)["endpoint"]
        return row["value"], row["source"]

    assert endpoint() == ("localhost:5000", "default")
    add(run, "plant-a", "--endpoint", "a:1")
    assert endpoint() == ("localhost:5000", "default")
    assert endpoint("--profile", "plant-a") == ("a:1", "profile plant-a")
    assert run("profile", "use", "plant-a").code == 0
    assert endpoint() == ("a:1", "profile plant-a")
    monkeypatch.setenv("MXGATEWAY_ENDPOINT", "v:2")
    assert endpoint() == ("v:2", "variable MXGATEWAY_ENDPOINT, wins over profile plant-a")
    assert endpoint("--endpoint", "o:3") == ("o:3", "option --endpoint")
    monkeypatch.setenv("MXGATEWAY_ENDPOINT", "")
    assert endpoint() == ("a:1", "profile plant-a")
    assert run("profile", "use", "--none").code == 0
    assert endpoint() == ("localhost:5000", "default")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_every_shared_setting_has_its_variable_in_config_and_reference(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: Any
) -> None:
    (tmp_path / "p.toml").write_text('[profiles.p]\nendpoint = "x:1"\n', encoding="utf-8")
    samples = {
        "timeout": "1.5",
        "limits": "max_depth=9",
        "output": "json",
        "config": str(tmp_path / "p.toml"),
    }
    text = "1" if setting.is_flag else samples.get(setting.name, "p")
    if setting.name == "profile":
        monkeypatch.setenv("MXGATEWAY_CONFIG", str(tmp_path / "p.toml"))
    if setting.name == "fields":
        text = "settings,name,value,source"
    monkeypatch.setenv(setting.variable, text)
    row = settings(run)[setting.name]
    given_by_option = setting.name == "output"
    assert row["source"] == (
        "option --output" if given_by_option else f"variable {setting.variable}"
    )
    page = Path(__file__).parents[2] / "docs" / "cli" / "reference.md"
    assert f"`{setting.variable}`" in page.read_text(encoding="utf-8")


def test_an_option_of_one_command_has_a_variable_made_of_both_names(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXGATEWAY_SMOKE_MAX_EVENTS", "none")
    outcome = run(*SMOKE)
    assert outcome.code == 2
    assert "MXGATEWAY_SMOKE_MAX_EVENTS" in outcome.err or "max-events" in outcome.err


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("MXGATEWAY_TIMEOUT", "soon", "MXGATEWAY_TIMEOUT is 'soon'"),
        ("MXGATEWAY_OUTPUT", "xml", "MXGATEWAY_OUTPUT is 'xml'"),
        ("MXGATEWAY_VERBOSE", "perhaps", "set it to 1 for yes or to 0 for no"),
        ("MXGATEWAY_PROFILE", "nowhere", "there is no profile 'nowhere'"),
        ("MXGATEWAY_CONFIG", "no-such.toml", "there is no file 'no-such.toml'"),
        ("MXGATEWAY_TLS", "1", "contradicts"),
        ("MXGATEWAY_API_KEY_ENV", "OTHER", "contradicts"),
    ],
)
def test_nonsense_in_a_variable_is_a_usage_error_that_names_it(
    run: Run,
    connected: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    text: str,
    said: str,
) -> None:
    monkeypatch.setenv(variable, text)
    outcome = run("smoke", "--item", "SimProbe_001.TestInt")
    assert outcome.code == 2
    assert said in outcome.err


# -- keys ----------------------------------------------------------------------------


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize("source", ["literal", "env", "file", "profile", "profile-file"])
def test_a_key_is_found_where_it_is_and_never_shown(
    run: Run,
    sim: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    source: str,
) -> None:
    monkeypatch.setenv("PLANT_KEY", sim.api_key)
    file = tmp_path / "plant.key"
    file.write_bytes(b"\xef\xbb\xbf" + sim.api_key.encode() + b"\r\n")
    words = {
        "literal": ["--api-key", sim.api_key],
        "env": ["--api-key", "env:PLANT_KEY"],
        "file": ["--api-key", f"file:{file}"],
        "profile": ["--profile", "p"],
        "profile-file": ["--profile", "q"],
    }[source]
    shown = []
    if source.startswith("profile"):
        key = sim.api_key if source == "profile" else f"file:{file}"
        added = run("profile", "add", words[1], "--api-key", key)
        shown += [added.out, added.err]
        shown += [run("profile", "show", words[1], *style).out for style in ([], ["--json"])]
        assert ("in clear" in added.err) == (source == "profile")
    base = [*SMOKE, "--plaintext", "--endpoint", sim.endpoint]
    outcome = run(*base, *words, "--verbose", "--debug")
    assert outcome.code == 0, outcome.err
    refused = run("close-session", "--session-id", "x", *base[4:], *words, "--debug")
    config = run("config", *words)
    assert refused.code == 7
    for text in (outcome.out, outcome.err, refused.err, config.out, *shown):
        assert sim.api_key not in text
    assert "Connected in" in outcome.err
    assert {"literal": "***", "env": "env:PLANT_KEY"}.get(source, "") in config.out


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOT_SET", "NOT_SET is not set or empty"),
        ("file:no-such.key", "'no-such.key' cannot be read: No such file"),
        ("file:two.key", "must hold the API key and nothing else"),
        ("prompt", "needs a terminal"),
    ],
)
def test_a_key_that_is_not_there_is_a_usage_error_that_says_where(
    spawn: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("two.key").write_text("one\ntwo\n", encoding="utf-8")
    outcome = spawn(*SMOKE, "--plaintext", "--api-key", reference)
    assert outcome.code == 2
    assert said in outcome.error()["message"]


# -- profiles ------------------------------------------------------------------------


def test_a_profile_reaches_the_gateway_and_a_file_in_it_is_beside_it(
    run: Run, sim: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(
        f'default = "bench"\n[profiles.bench]\nendpoint = "{sim.endpoint}"\nplaintext = true\n'
        f'api_key = "{sim.api_key}"\ntimeout = 20\n'
        '[profiles.tls]\nendpoint = "plant:5001"\ntls = true\nca_file = "plant.pem"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("MXGATEWAY_CONFIG", str(file))
    assert run(*SMOKE).code == 0
    assert settings(run, "--profile", "tls")["ca_file"]["value"] == str(tmp_path / "plant.pem")
    listed = run("profile", "list", "--output", "csv").out.splitlines()
    assert listed == [
        "name,default,settings.endpoint",
        f"bench,true,{sim.endpoint}",
        "tls,false,plant:5001",
    ]
    assert "TLS" in run("profile", "list").out
    # The choice made on the command line is about this run: what the profile says of TLS gives way.
    words = ("--plaintext", "--endpoint", sim.endpoint, "--api-key", sim.api_key)
    assert run(*SMOKE, "--profile", "tls", *words).code == 0


def test_a_variable_that_beats_a_profile_chosen_on_the_command_line_is_told(
    run: Run, connected: ThreadedSimulator
) -> None:
    add(run, "plant-a", "--endpoint", "a:1", "--tls", "--api-key-env", "OTHER")
    words = (*SMOKE, "--profile", "plant-a", "--plaintext")
    outcome = run(*words)
    assert outcome.code == 0
    assert outcome.err.splitlines() == [
        f"{name} comes from variable MXGATEWAY_{name.upper()}, which wins over profile plant-a."
        for name in ("endpoint", "api_key")
    ]
    assert run(*words, "--quiet").err == ""
    assert settings(run, "--profile", "plant-a")["endpoint"]["source"].endswith(
        ", wins over profile plant-a"
    )
    add(run, "same", "--endpoint", connected.endpoint, "--plaintext")
    assert run(*SMOKE, "--profile", "same").err == ""


def test_a_profile_is_added_replaced_and_removed_and_the_file_stays_private(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "deep" / "profiles.toml"
    place = ("--config", str(file))
    add(run, "a", "--endpoint", "a:1", "--api-key-env", "K", "--ca-file", "x.pem", *place)
    add(run, "b", "--plaintext", *place)
    add(run, "a", "--endpoint", "a:2", *place)
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {
        "profiles": {"a": {"endpoint": "a:2"}, "b": {"plaintext": True}}
    }
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("profile", "use", "a", *place).code == 0
    assert run("profile", "remove", "a", *place, "--json").json()["removed"] == "a"
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {
        "profiles": {"b": {"plaintext": True}}
    }
    assert [path.name for path in file.parent.iterdir()] == ["profiles.toml"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("remove",), "NAME"),
        (("nonsense",), "No such command 'nonsense'"),
        (("show", "nobody"), "there is no profile 'nobody'"),
        (("show", "a\nError: forged"), "'a\\nError: forged' is no name for a profile"),
        (("remove", "nobody"), "known: none"),
        (("use", "nobody"), "there is no profile"),
        (("use",), "give the name of a profile, or --none"),
        (("add", "two words"), "is no name for a profile"),
        (("add", "x", "--plaintext", "--tls"), "--plaintext contradicts --tls"),
        (("add", "x", "--api-key", "literal", "--api-key-env", "K"), "contradicts --api-key-env"),
    ],
)
def test_a_wrong_use_of_profiles_is_a_usage_error(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    outcome = run("profile", *words, "--json")
    assert outcome.code == 2
    assert said in outcome.error()["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[profiles.a\n", "is no valid TOML"),
        ("[profiles.a]\nendpont = 'x'\n", "unknown key 'endpont'"),
        ("[profiles.a]\nplaintext = 'yes'\n", "plaintext must be true or false"),
        ("[profiles.a]\nendpoint = 5\n", "endpoint must be text in quotes"),
        ("[profiles.a]\ntimeout = 0\n", "timeout is '0'"),
        ("[profiles.'a b']\n", "is no name for a profile"),
        ("endpoint = 'x'\n", "only `default = NAME` and tables"),
        ("default = 3\n", "default must be the name of a profile"),
        ("profiles = 3\n", "only `default = NAME` and tables"),
        ("[profiles]\na = 3\n", "write [profiles.a]"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_wrong_file_of_profiles_is_refused_with_the_place(
    run: Run, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    outcome = run("config", "--config", str(file), "--json")
    assert outcome.code == 2
    assert said in outcome.error()["message"]
    assert "wrong.toml" in outcome.error()["message"]


@given(st.dictionaries(st.sampled_from(["endpoint", "ca_file"]), st.text(max_size=40)))
def test_what_is_written_is_valid_toml_with_the_same_content(table: dict[str, str]) -> None:
    profiles = profiles_module.Profiles(Path("unused"), {"x": table}, 'de"fault\\')
    content = tomllib.loads(profiles.to_toml())
    assert content == {"default": 'de"fault\\', "profiles": {"x": table}}


# -- TLS -----------------------------------------------------------------------------


def test_the_stronger_of_insecure_and_a_pin_wins(
    run: Run, tls_files: Any, stranger_tls_files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mxgateway.simulator import TlsFiles

    tls = TlsFiles(tls_files.cert_file, tls_files.key_file)
    with ThreadedSimulator(tls=tls, interval=None) as simulator:
        base = (*SMOKE, "--tls", "--endpoint", simulator.endpoint, "--api-key", simulator.api_key)
        monkeypatch.setenv("MXGATEWAY_CA_FILE", str(stranger_tls_files.ca_file))
        assert run(*base).code == 4
        insecure = run(*base, "--insecure")
        assert insecure.code == 0
        assert "INSECURE" in insecure.err
        shown = run("trust", simulator.endpoint, "--json").json()
        monkeypatch.delenv("MXGATEWAY_CA_FILE")
        monkeypatch.setenv("MXGATEWAY_INSECURE", "1")
        assert run(*base, "--fingerprint", shown["fingerprint"]).err == ""
        assert run(*base, "--fingerprint", "0" * 64).code == 4
        both = run(*base, "--insecure", "--fingerprint", "0" * 64)
        assert both.code == 2
        assert "contradicts" in both.error()["message"]


def test_config_shows_everything_without_a_choice_of_security_and_sends_nothing(run: Run) -> None:
    out = run("config").out
    for setting in SETTINGS:
        assert f"\n{setting.name} " in out
    document = json.loads(run("config", "--json").out)
    assert document["profileFile"].endswith("profiles.toml")


@pytest.mark.skipif(sys.platform == "win32", reason="the folders of Windows are other variables")
def test_the_usual_places_follow_the_xdg_variables_unless_they_are_relative(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def place() -> str:
        file: str = run("config", "--json").json()["profileFile"]
        return file

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert place() == str(tmp_path / "xdg" / "mxgateway" / "profiles.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert place() == str(tmp_path / "home" / ".config" / "mxgateway" / "profiles.toml")
