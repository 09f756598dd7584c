"""Completion: the scripts of four shells, and what they are answered."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
completion = import_module("mxgateway_cli.completion")
Environment = import_module("mxgateway_cli.environment").Environment


@pytest.fixture
def complete(spawn: Callable[..., Any]) -> Callable[..., list[str]]:
    """Ask as the script of bash does; the last word is the incomplete one.

    The answers are words of bash, and as bash reads them here.
    """

    def ask(*words: str, **variables: str) -> list[str]:
        outcome = spawn(
            _MXGW_PY_COMPLETE="bash_complete",
            COMP_LINE=" ".join(["mxgw-py", *words]),
            # What readline will replace: = and : break words.
            COMP_WORD=re.split("[=:]", words[-1])[-1],
            **variables,
        )
        assert (outcome.code, outcome.err) == (0, "")
        return [shlex.split(line.partition(",")[2])[0] for line in outcome.out.splitlines()]

    return ask


def remember(endpoint: str, *tags: str) -> None:
    completion.remember_tags(Environment.of_process(), endpoint, tags)


def test_commands_options_and_choices_are_completed(complete: Callable[..., list[str]]) -> None:
    assert complete("open") == ["open-session"]
    assert complete("profile", "re") == ["remove"]
    assert complete("smoke", "--server-") == ["--server-name-override"]
    assert complete("version", "--output", "js") == ["json", "jsonl"]


def test_profiles_are_completed_from_the_file(
    run: Run, complete: Callable[..., list[str]], tmp_path: Path
) -> None:
    file = str(tmp_path / "p.toml")
    for name in ("plant-a", "plant-b", "bench"):
        assert run("profile", "add", name, "--config", file, "--json").code == 0
    assert complete("smoke", "--profile", "pl", MXGATEWAY_CONFIG=file) == ["plant-a", "plant-b"]
    Path(file).write_text("nonsense", encoding="utf-8")
    assert complete("smoke", "--profile", "pl", MXGATEWAY_CONFIG=file) == []


def test_tags_are_completed_from_the_last_browse_of_that_endpoint_whatever_the_case(
    complete: Callable[..., list[str]],
) -> None:
    assert complete("smoke", "--item", "T") == []
    remember("localhost:5000", "Tank_001.Level", "TANK_001.Temp", "Pump_001.Speed")
    remember("other:5000", "Elsewhere.Tag")
    assert complete("smoke", "--item", "tank") == ["TANK_001.Temp", "Tank_001.Level"]
    assert complete("smoke", "--endpoint", "other:5000", "--item", "E") == ["Elsewhere.Tag"]
    assert complete("smoke", "--item", "E", MXGATEWAY_ENDPOINT="other:5000") == ["Elsewhere.Tag"]
    remember("localhost:5000", "Line_001.Produced")
    assert complete("smoke", "--item", "") == ["Line_001.Produced"]


def test_a_cache_that_cannot_be_written_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(blocked))
    environment = Environment.of_process()
    environment.verbose = True
    completion.remember_tags(environment, "localhost:5000", ["A.B"])
    assert "not remembered" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_of_a_shell_asks_the_right_question(run: Run, shell: str) -> None:
    text = run("completion", shell).out
    assert "_MXGW_PY_COMPLETE" in text
    assert f"{shell}_complete" in text
    assert "%(" not in text


@pytest.mark.parametrize(
    ("shell", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])]
)
def test_the_script_has_the_syntax_of_its_shell(
    run: Run, tmp_path: Path, shell: str, check: list[str]
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_text(run("completion", shell).out, encoding="utf-8")
    done = subprocess.run(
        [program, *check, str(file)], capture_output=True, env=dict(os.environ), check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mxgw-py ver", "version\tversion\tShow the versions"),
        ("mxgw-py completion ", "powershell\tpowershell\tpowershell"),
        ("mxgw-py 'profile' re", "remove\tremove\tRemove a profile."),
        ("mxgw-py version --output=js", "'--output=json'\t--output=json\t--output=json"),
    ],
)
def test_powershell_gets_a_word_what_to_show_and_a_description_on_each_line(
    spawn: Callable[..., Any], line: str, expected: str
) -> None:
    outcome = spawn(_MXGW_PY_COMPLETE="powershell_complete", COMP_LINE=line)
    assert (outcome.code, outcome.err) == (0, "")
    assert any(answer.startswith(expected) for answer in outcome.out.splitlines())
    assert all(len(answer.split("\t")) == 3 for answer in outcome.out.splitlines())


def test_a_question_that_is_none_is_refused_quietly(spawn: Callable[..., Any]) -> None:
    outcome = spawn(_MXGW_PY_COMPLETE="tcsh_complete")
    assert (outcome.code, outcome.out, outcome.err) == (1, "", "")


def test_an_endpoint_with_a_port_does_not_hinder_the_tags(
    complete: Callable[..., list[str]],
) -> None:
    remember("plant:5001", "Tank_001.Level", "Tank_001.LevelTrend[]", "Pump_001.Speed")
    tags = ["Tank_001.Level", "Tank_001.LevelTrend[]"]
    assert complete("read", "--endpoint", "plant:5001", "tank") == tags
    assert complete("read", "--endpoint=plant:5001", "tank") == tags
    assert complete("tree", "--endpoint", "plant:5001", "T") == ["Tank_001"]


def test_files_are_completed_by_the_shell_and_after_an_at_sign_by_us(
    complete: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "tags.txt").write_text("", encoding="utf-8")
    (tmp_path / "tagged").mkdir()
    assert complete("read", f"@{tmp_path}{os.sep}tag") == [
        f"@{tmp_path}{os.sep}tagged{os.sep}",
        f"@{tmp_path}{os.sep}tags.txt",
    ]
    assert complete("read", f"@{tmp_path}{os.sep}none{os.sep}tag") == []
    for option in ("--ca-file", "--config", "--export"):
        assert complete("read", option, "/some/pa") == ["/some/pa"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_value_after_an_equals_sign_keeps_its_option(
    spawn: Callable[..., Any], shell: str
) -> None:
    outcome = spawn(
        _MXGW_PY_COMPLETE=f"{shell}_complete",
        COMP_LINE="mxgw-py read --output=js",
    )
    assert "--output=json" in outcome.out
    assert "--output=jsonl" in outcome.out


def test_the_script_of_bash_completes_words_with_colons_in_a_real_bash(
    run: Run, tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    if bash is None or os.name == "nt":
        pytest.skip("bash is not installed")
    remember("plant:5001", "Tank_001.Level", "Tank_001.Temp")
    program = tmp_path / "mxgw-py"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mxgateway_cli "$@"\n', "utf-8")
    program.chmod(0o755)
    script = (
        run("completion", "bash").out
        + """
ask() {
    COMP_LINE="$1" COMP_POINT=${#1}
    _mxgw_py_completion mxgw-py "$2"
    printf '%s\\n' "${COMPREPLY[@]}"
}
ask "mxgw-py read --endpoint plant:5001 Tank_001.T" Tank_001.T
ask "mxgw-py read --output=js" js
"""
    )
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        capture_output=True,
        env=os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        check=False,
        text=True,
        timeout=60,
    )
    assert (done.stdout.split(), done.stderr) == (["Tank_001.Temp", "json", "jsonl"], "")
