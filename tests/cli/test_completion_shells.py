"""Tab and Enter in real shells: the command gets exactly what was named, and nothing runs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals of this kind are POSIX only", allow_module_level=True)

from interactive_shell import SHELLS, Shell
from interop.ccore_gateway import CCoreGateway
from interop.plant_rows import AttributeRow, ObjectRow

completion = import_module("mxgateway_cli.completion")
Environment = import_module("mxgateway_cli.environment").Environment

ENDPOINT = "localhost:5000"  # where a command without any setting goes
RUNS = "a b;touch PWN1;$(touch PWN2)`touch PWN3`&&touch PWN4|touch PWN5>PWN6<x"
ODD = 'it\'s "q" \\ x!! *?[ab]{c,d}~#^%=:@$HOME,+é ünï 日本-(y)'
RAW = os.fsdecode(b"tab\tline\nesc\x1b]0;EVIL\x07 c1\xc2\x9b rtl\xe2\x80\xae !\xff'\" end")
OPENINGS = {"bash": ["", "'", '"', "$'"], "zsh": ["", "'", '"', "$'"], "fish": ["", "'", '"']}


@pytest.fixture
def shell(run: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[[str], Shell]]:
    """Start a shell in a folder of its own, or skip where it is not installed."""
    with ExitStack() as stack:

        def start(name: str) -> Shell:
            if shutil.which(name) is None:
                pytest.skip(f"{name} is not installed")
            script = run("completion", name).out
            return stack.enter_context(Shell(name, tmp_path, script))

        yield start
    assert not list(tmp_path.rglob("PWN*")), "something that was only named has run"


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")


@pytest.mark.parametrize("name", SHELLS)
def test_a_file_after_an_at_sign_arrives_as_it_is_named(
    shell: Callable[[str], Shell], name: str, tmp_path: Path
) -> None:
    files = [f"n1{RUNS}", f"n2{ODD}", *([f"n3{RAW}"] if name == "bash" else [])]
    for file in files:
        touch(tmp_path / "fd" / file)
    started = shell(name)
    for file in files:
        for opening in OPENINGS[name]:
            assert started.enter(f"mxgw-py read {opening}@fd/{file[:2]}\t") == [
                "read",
                f"@fd/{file}",
            ]
    assert b"\x9b" not in started.screen
    assert "\u202e".encode() not in started.screen
    assert b"\x1b]0;EVIL" not in started.screen


@pytest.mark.parametrize("name", SHELLS)
def test_a_second_tab_goes_on_where_the_first_has_quoted(
    shell: Callable[[str], Shell], name: str, tmp_path: Path
) -> None:
    # Quotes make the first answer longer than it is when it is quoted otherwise.
    folder = "fo $(touch PWN) '''''l''''' [d]e;r"
    for file in ("one $x;a", "one $x;b", "two"):
        touch(tmp_path / folder / file)
    started = shell(name)
    for opening in OPENINGS[name]:
        typed = f"mxgw-py read {opening}@fo\ton\ta\t"
        assert started.enter(typed) == ["read", f"@{folder}/one $x;a"]
    # A quote in the midst of a word, and one that a person has closed.
    assert started.enter("mxgw-py read @'fo $'\ttw\t") == ["read", f"@{folder}/two"]
    assert started.enter("mxgw-py read @fo' $'\ttw\t") == ["read", f"@{folder}/two"]


@pytest.mark.parametrize("name", SHELLS)
def test_tags_of_a_poisoned_cache_are_not_offered_and_others_arrive_whole(
    shell: Callable[[str], Shell], name: str, tmp_path: Path
) -> None:
    completion.remember_tags(Environment.of_process(), ENDPOINT, ["A.B"])
    (cache,) = tmp_path.rglob("tags-*.txt")
    good = ["Pump_1.$Te#mp[1]", "Pümp_1.[]", "日本.$HOME"]
    bad = [
        "Pump_1.$(touch${IFS}PWN1)",
        "Pump_1.`touch PWN2`",
        "Pump_1;touch PWN3",
        "Pump_1.\x1b]0;EVIL\x07\x9b\u202e",
        "Pump_1.\rPump_1.x",
        "--plaintext",
    ]
    cache.write_text("".join(f"{tag}\n" for tag in [*good, *bad]), encoding="utf-8")
    started = shell(name)
    for opening in OPENINGS[name]:
        for start, tag in zip(["pu", "Pü", "日"], good, strict=True):
            assert started.enter(f"mxgw-py read {opening}{start}\t") == ["read", tag]
    assert b"EVIL" not in started.screen
    assert b"plaintext" not in started.screen


@pytest.mark.parametrize("name", SHELLS)
def test_a_list_of_answers_has_nothing_raw_in_it(
    shell: Callable[[str], Shell], name: str, tmp_path: Path
) -> None:
    for file in ("n1 clean", f"n2{RAW}", "n3 clean", "n4\u202eltr", "n5\x9b31mred"):
        touch(tmp_path / "fd" / file)
    screen = shell(name).look("mxgw-py read @fd/n\t\t", "n3")
    assert b"n1" in screen
    for raw in (b"\xc2\x9b", b"\xff", "\u202e".encode(), b"EVIL\x07"):
        assert raw not in screen


def test_tags_that_a_gateway_sends_are_neither_remembered_nor_run(
    shell: Callable[[str], Shell],
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    attributes = ["$(touch${IFS}PWN1)", "`touch PWN2`", "x\nPump_9.y", "Speed", "Trend[]"]
    rows = [
        ObjectRow(
            1, "Pump_1", 0, 10, ("$Pump",), tuple(AttributeRow(name, 3) for name in attributes)
        ),
        ObjectRow(2, "Tank;touch PWN3", 0, 10, ("$Tank",), (AttributeRow("Level", 3),)),
        ObjectRow(3, "--insecure", 0, 10, ("$Tank",), (AttributeRow("Level", 3),)),
    ]
    with CCoreGateway() as gateway:
        gateway.galaxy.rows = tuple(rows)
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", gateway.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", gateway.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        for words in (("find", "*"), ("tree", "--all", "--attributes"), ("galaxy-discover",)):
            assert run(*words, "--json").code == 0
            (cache,) = tmp_path.rglob("tags-*.txt")
            assert cache.read_text(encoding="utf-8") == "Pump_1.Speed\nPump_1.Trend[]\n"
            cache.unlink()
        assert run("find", "*", "--json").code == 0
    started = shell("bash")
    assert started.enter("mxgw-py read Pump_1.S\t") == ["read", "Pump_1.Speed"]
    assert started.enter("mxgw-py read Pump_1.T\t") == ["read", "Pump_1.Trend[]"]
    assert started.enter("mxgw-py read Tan\t") == ["read", "Tan"]
    assert started.enter("mxgw-py tree P\t") == ["tree", "Pump_1"]


@pytest.mark.parametrize("name", SHELLS)
def test_a_file_of_an_option_which_the_shell_completes_arrives_as_it_is_named(
    shell: Callable[[str], Shell], name: str, tmp_path: Path
) -> None:
    for file in (f"n1{RUNS}", f"n2{ODD}"):
        touch(tmp_path / "fd" / file)
    (tmp_path / "home").mkdir()
    # Behind ~/ bash leaves $ and ) as they are, for any command; nothing runs all the same.
    file_at_home = "n3 a;b'`x`" if name == "bash" else f"n3{RUNS}"
    touch(tmp_path / "home" / file_at_home)
    started = shell(name)
    for opening in OPENINGS[name]:
        for file in (f"fd/n1{RUNS}", f"fd/n2{ODD}"):
            if (name, opening, file[4]) == ("zsh", "'", "2"):
                continue  # zsh leaves the quote open where its own completion meets a quote.
            line = f"mxgw-py read --ca-file {opening}{file[:5]}\t"
            assert started.enter(line) == ["read", "--ca-file", file]
    line = "mxgw-py read --ca-file=fd/n1\t"
    assert started.enter(line) == ["read", f"--ca-file=fd/n1{RUNS}"]
    line = "mxgw-py read --ca-file ~/n3\t"
    assert started.enter(line) == ["read", "--ca-file", f"{tmp_path}/home/{file_at_home}"]
