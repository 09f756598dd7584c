"""What browsing remembers: only names that can be tags, in a private file of bounded size."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

completion = import_module("mxgateway_cli.completion")
remembered = import_module("mxgateway_cli.completion.remembered")
Environment = import_module("mxgateway_cli.environment").Environment

ENDPOINT = "localhost:5000"
GOOD = [
    *("Tank_001.Level", "Tank_001.Trend[12]", "$Template.x#1", "#Input", "_a-b.c", "Pümp.Übung"),
    *("ポンプ1.速度", "насос.x٣", "9", "x" * 1_000),
]
BAD = [
    *("", " ", "a b", "a\tb", "a\nb", "a\rb", "a\x85b", "a\u2028b", "a\xa0b", "a\u3000b", "a\0b"),
    *("a\x1b[2Jb", "a\x7fb", "a\x9bb", "a\u202eb", "a\u200bb", "a\ufeffb", "a\u3164b", "a\ufffdb"),
    *("a'b", 'a"b', "a`b", "a$(b)", "a;b", "a&b", "a|b", "a<b", "a>b", "a*b", "a?b", "a{b}", "a~b"),
    *("a!b", "a\\b", "a/b", "a:b", "a=b", "a@b", "@a", "a%b", "a^b", "a+b", "a,b", "a\u2019b"),
    *("-a", "--plaintext", "x" * 1_001),
]


def remember(*tags: str, whole: bool = True) -> None:
    completion.remember_tags(Environment.of_process(), ENDPOINT, tags, whole=whole)


def cache_of(tmp_path: Path) -> Path:
    (cache,) = tmp_path.rglob("tags-*.txt")
    return cache


@pytest.fixture
def offered(spawn: Callable[..., Any]) -> Callable[..., list[str]]:
    """What zsh, which gets values as they are, is offered for the beginning of a tag."""

    def ask(start: str = "", command: str = "read") -> list[str]:
        outcome = spawn(_MXGW_PY_COMPLETE="zsh_complete", COMP_LINE=f"mxgw-py {command} $'{start}'")
        assert (outcome.code, outcome.err) == (0, "")
        return [line.split("\t")[1] for line in outcome.out.split("\n")[:-1]]

    return ask


def test_only_names_that_tag_references_can_have_are_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = Environment.of_process()
    environment.verbose = True
    completion.remember_tags(environment, ENDPOINT, [*GOOD, *BAD])
    assert cache_of(tmp_path).read_text(encoding="utf-8").split("\n")[:-1] == sorted(GOOD)
    said = capsys.readouterr().err
    assert f"Not remembered for completion: {len(BAD)} names" in said
    assert "plaintext" not in said


def test_what_stands_in_a_cache_of_others_is_neither_offered_nor_kept(
    offered: Callable[..., list[str]], tmp_path: Path
) -> None:
    remember("x")
    cache = cache_of(tmp_path)
    foreign = "\n".join([*GOOD, *BAD, "ok\r"]).encode() + b"\n\xff\xfe\n\xe2\x82\ncut"
    cache.write_bytes(foreign)
    known = [*GOOD, "b", "cut"]  # of "a\nb" each line counts
    assert sorted(offered()) == sorted([*known, "a"])
    assert offered(command="tree") == list(
        dict.fromkeys(name.partition(".")[0] for name in offered())
    )
    remember("New.Tag", whole=False)
    kept = cache.read_text(encoding="utf-8").split("\n")[:-1]
    assert kept == sorted({*known, "a", "New.Tag"})


def test_the_cache_is_bounded_in_names_and_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(*(f"T{n:06}" for n in range(200_001)))
    names = cache_of(tmp_path).read_text(encoding="utf-8").split("\n")[:-1]
    assert (len(names), names[-1]) == (200_000, "T199999")
    remember(*(f"{n:05}{'é' * 900}" for n in range(10_000)))
    cache = cache_of(tmp_path)
    size = cache.stat().st_size
    assert 15_990_000 < size <= 16_000_000
    assert cache.read_bytes().endswith("é\n".encode())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no modes")
def test_the_cache_is_private_also_where_it_was_not_before(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        remember("A.B")
        cache = cache_of(tmp_path)
        cache.parent.chmod(0o777)
        cache.chmod(0o666)
        remember("C.D", whole=False)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (cache, cache.parent)]
    assert modes == [0o600, 0o700]
    assert cache.read_text(encoding="utf-8") == "A.B\nC.D\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither of these")
@pytest.mark.parametrize("kind", ["fifo", "device", "link", "folder", "endless"])
def test_what_is_no_ordinary_file_is_neither_waited_for_nor_read(
    offered: Callable[..., list[str]], tmp_path: Path, kind: str
) -> None:
    remember("x")
    cache = cache_of(tmp_path)
    cache.unlink()
    if kind == "fifo":
        os.mkfifo(cache)
    elif kind == "device":
        cache.symlink_to("/dev/zero")
    elif kind == "link":
        other = tmp_path / "other"
        other.write_text("Secret.Word\n", encoding="utf-8")
        cache.symlink_to(other)
    elif kind == "folder":
        cache.mkdir()
    else:
        with cache.open("wb") as file:
            file.write(b"A.B\n")
            file.truncate(1 << 40)  # a terabyte of NUL, which takes no room
    assert offered() == (["A.B"] if kind == "endless" else [])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs of this kind")
@pytest.mark.parametrize("content", ["fifo", "huge", "deep", "hostile"])
def test_a_file_of_profiles_that_is_none_ends_in_no_answer(
    spawn: Callable[..., Any], tmp_path: Path, content: str
) -> None:
    file = tmp_path / "profiles.toml"
    if content == "fifo":
        os.mkfifo(file)
    elif content == "huge":
        with file.open("wb") as written:
            written.truncate(1 << 40)
    elif content == "deep":
        file.write_text("x = " + "[" * 100_000, encoding="utf-8")
    else:
        file.write_text('[profiles."x$(touch PWN)"]\n[profiles.xy]\n', encoding="utf-8")
    for line in ("mxgw-py read --profile x", "mxgw-py read x"):
        outcome = spawn(
            _MXGW_PY_COMPLETE="bash_complete", COMP_LINE=line, MXGATEWAY_CONFIG=str(file)
        )
        assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_no_value_forges_another_answer(
    spawn: Callable[..., Any], tmp_path: Path, shell: str
) -> None:
    names = ["n\nplain,evil", "n\nplain\tevil\tx", "n\tevil\tx", "n\revil", "n\x85evil", "nice"]
    for name in names if sys.platform != "win32" else ["nice"]:
        (tmp_path / name).write_text("", encoding="utf-8")
    opening = f"'@{tmp_path}{os.sep}n"
    line = f"mxgw-py read {opening}"
    if shell == "zsh":  # each word in quotes of its own
        line = "mxgw-py read $'" + opening.replace("'", "\\'") + "'"
    outcome = spawn(_MXGW_PY_COMPLETE=f"{shell}_complete", COMP_LINE=line)
    lines = outcome.out.split("\n")[:-1]
    assert len(lines) == (6 if shell == "bash" and sys.platform != "win32" else 1)
    assert all(line.replace("\t", "").isprintable() for line in lines)
    for option in ("--ca-file", "--config"):
        typed = f"mxgw-py read {option} $'a\\nplain,evil"
        if shell == "fish":
            typed = f"mxgw-py read {option} 'a\nplain,evil"
        outcome = spawn(_MXGW_PY_COMPLETE=f"{shell}_complete", COMP_LINE=typed)
        assert "\nplain" not in outcome.out


@pytest.mark.skipif(sys.platform == "win32", reason="links of this kind are POSIX")
def test_a_link_that_leads_to_itself_hides_no_other_file(tmp_path: Path) -> None:
    offers = import_module("mxgateway_cli.completion.offers")
    (tmp_path / "q1").touch()
    (tmp_path / "loop").symlink_to("loop")
    found = [item.value for item in offers.named_files(f"@{tmp_path}/")]
    assert found == [f"@{tmp_path}/loop", f"@{tmp_path}/q1"]
