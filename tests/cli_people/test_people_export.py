"""--export: the picture has every text of the plant, whatever it says, and nothing but text."""

from __future__ import annotations

import io
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from cli_people.people_runs import Outcome
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Group
from rich.text import Text

from mxgateway.printable import printable
from mxgateway.simulator import ThreadedSimulator
from mxgateway.simulator.model import parse_model

Run = Callable[..., Outcome]
live_export: Any = import_module("mxgateway_cli.output.live_export")
whole_files: Any = import_module("mxgateway_cli.whole_files")
environment: Any = import_module("mxgateway_cli.environment")

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "A @font-face{",
    "middle one",
    "} B",
    "@font-face { src: url(http://192.0.2.1/x) }",
    "]]> <!-- -->",
    "<script>alert(1)</script>",
    "</style></svg><svg onload=x>",
    "{chrome}{lines}{0}{unique_id.__class__} {{}} %s",
    "\"quoted\" 'single' &amp; &#60;b&#62; &undefined;",
    "[link=http://192.0.2.1]markup[/link]",
    "https://192.0.2.1/ javascript:alert(1)",
]
UNPRINTABLE = [
    "esc \x1b[2J\x1b]8;;http://192.0.2.1\x07link\x1b]8;;\x07",
    "nul \x00\x01\x0e\x1f\x7f",
    "c1 \x80\x9b\x9d",
    "surrogate \ud800\udfff",
    "never \ufffe\uffff\U0001ffff",
    "override \u202e and \u2028 line",
]


def texts_of_svg(content: str) -> list[str]:
    """Parse the picture as XML and return its texts; refuse what is no drawing."""
    assert "<!" not in content
    assert "<?" not in content
    root = ET.fromstring(content)
    assert root.tag == f"{SVG}svg"
    for element in root.iter():
        name = element.tag.removeprefix(SVG)
        assert name in {"svg", "style", "defs", "clipPath", "rect", "circle", "g", "text"}, name
        assert not [a for a in element.attrib if a.startswith("on") or "href" in a]
        if name == "style":
            assert "@" not in (element.text or "")
            assert "url(" not in (element.text or "")
    assert "xlink" not in content
    return ["".join(text.itertext()).replace("\xa0", " ") for text in root.iter(f"{SVG}text")]


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"style", "charset"}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def texts_of_html(content: str) -> list[str]:
    """Parse the page and return its texts; refuse what is more than text."""
    reader = _Texts()
    reader.feed(content)
    reader.close()
    assert reader.tags <= {"html", "head", "meta", "style", "body", "pre", "code", "span"}
    assert "http" not in content.partition("<body>")[0]
    return reader.texts


READERS = {"svg": texts_of_svg, "html": texts_of_html}


def drawn(folder: Path, kind: str, title: str, lines: Iterable[Text]) -> str:
    """Return the picture of some lines as the command writes it."""
    file = folder / f"picture.{kind}"
    here = environment.Environment(variables={}, stdout=io.StringIO(), stderr=io.StringIO())
    live_export.export(here, str(file), title, lambda _columns: Group(*lines))
    return file.read_text("utf-8")


def marks(text: str) -> str:
    """Return what can be seen of a text."""
    return "".join(c for c in text if c.isprintable() and c != " ")


def drawn_of(text: str) -> str:
    """Return what can be seen of a text in a cell: rich drops these, the console escapes others."""
    kept = text.translate(dict.fromkeys(b"\a\b\t\v\f\r"))
    return marks("".join(map(printable, kept.split("\n"))))


@pytest.mark.parametrize("kind", ["svg", "html"])
def test_no_text_cuts_the_picture_or_runs_in_it(tmp_path: Path, kind: str) -> None:
    lines = [*HOSTILE, *UNPRINTABLE]
    linked = Text("linked", style="link http://192.0.2.1/'\"><x>")
    content = drawn(tmp_path, kind, HOSTILE[4], [*map(Text, lines), linked])
    shown = marks("".join(READERS[kind](content)))
    for line in [*lines, "linked"]:
        assert drawn_of(line) in shown, line


@pytest.mark.parametrize("title", [*HOSTILE, *UNPRINTABLE])
def test_a_title_is_shown_as_it_is(tmp_path: Path, title: str) -> None:
    texts = texts_of_svg(drawn(tmp_path, "svg", title, [Text("x")]))
    assert marks(printable(title)) in [marks(text) for text in texts]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.text(st.characters(), max_size=30), max_size=5))
@example(["@font-face{", "}"])
def test_every_picture_is_xml_that_has_every_text(tmp_path: Path, lines: list[str]) -> None:
    content = drawn(tmp_path, "svg", "t", map(Text, lines))
    shown = marks("".join(texts_of_svg(content)))
    for line in lines:
        assert drawn_of(line) in shown


PLANT = '[objects.Tank]\ntemplate = "$UserDefined"\n' + "".join(
    f"[objects.Tank.attributes.A{n}]\ntype = 'Boolean'\nvalue = true\n"
    f"alarm = [{{ kind = 'discrete', description = '''{text}''' }}]\n"
    for n, text in enumerate(HOSTILE)
)


@pytest.mark.parametrize("kind", ["svg", "html"])
def test_all_alarms_are_in_the_picture_whatever_they_say(
    run: Run, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"alarms.{kind}"
    with ThreadedSimulator(model=parse_model(PLANT), seed=1, interval=None) as sim:
        words = ("--plaintext", "--endpoint", sim.endpoint, "--api-key", sim.api_key)
        outcome = run("alarms", "--once", "--export", str(file), *words)
    assert outcome.code == 0, outcome.err
    shown = marks("".join(READERS[kind](file.read_text("utf-8"))))
    for n, text in enumerate(HOSTILE):
        assert f"Tank.A{n}" in shown
        assert all(marks(word) in shown for word in text.split())


# -- the file --------------------------------------------------------------------------


def test_a_picture_that_fails_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "p.svg"
    file.write_text("before")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        whole_files.write_whole(file, "half")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, owners and pipes of POSIX")


@posix
def test_a_file_keeps_its_mode_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    file, new = tmp_path / "p.svg", tmp_path / "new.svg"
    file.write_text("before")
    file.chmod(0o640)
    before = os.umask(0o027)
    try:
        whole_files.write_whole(file, "a")
        whole_files.write_whole(new, "a")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(f.stat().st_mode) for f in (file, new)] == [0o640, 0o640]


@posix
def test_a_link_of_ones_own_is_followed_and_one_of_others_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link, target = tmp_path / "p.svg", folder / "real.svg"
    link.symlink_to("elsewhere/real.svg")
    whole_files.write_whole(link, "once")
    whole_files.write_whole(link, "twice")
    assert link.is_symlink()
    assert target.read_text() == "twice"
    if os.geteuid() == 0:
        os.lchown(link, 12_345, 12_345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError, match="a link of somebody else"):
        whole_files.write_whole(link, "thrice")
    assert target.read_text() == "twice"


def test_where_no_file_can_be_renamed_the_one_that_is_there_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a folder that is read-only, and on Windows while a viewer has the picture open.
    def refused(_self: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    file = tmp_path / "p.svg"
    file.write_text("a longer text than the new one")
    monkeypatch.setattr(Path, "replace", refused)
    whole_files.write_whole(file, "new")
    assert file.read_text() == "new"
    with pytest.raises(PermissionError):
        whole_files.write_whole(tmp_path / "none.svg", "new")
    assert list(tmp_path.iterdir()) == [file]


@posix
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"[Ll]inks"):
        whole_files.write_whole(tmp_path / "a", "x")


@posix
def test_pipes_and_devices_get_the_text(tmp_path: Path) -> None:
    pipe, got = tmp_path / "p.svg", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    whole_files.write_whole(pipe, "through")
    reader.join(10)
    assert got == ["through"]
    assert pipe.is_fifo()
    null = tmp_path / "null.svg"
    null.symlink_to(os.devnull)
    whole_files.write_whole(null, "nowhere")
    assert Path(os.devnull).is_char_device()


@posix
def test_a_file_that_somebody_else_made_is_not_written(tmp_path: Path) -> None:
    """Its owner could change what is written there, such as whom a gateway's certificate names."""
    if os.geteuid() != 0:
        pytest.skip("only root can make files of others")
    for make in (Path.touch, os.mkfifo):
        planted = tmp_path / make.__name__
        make(planted)
        os.chown(planted, 12_345, 12_345)
        with pytest.raises(OSError, match="of somebody else"):
            whole_files.write_whole(planted, "text")
        assert planted.stat().st_uid == 12_345


@posix
@pytest.mark.parametrize(("before", "after"), [(0o4777, 0o755), (0o666, 0o644), (0o600, 0o600)])
def test_a_file_keeps_its_mode_but_no_right_that_is_not_its_owners(
    tmp_path: Path, before: int, after: int
) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(before)
    whole_files.write_whole(file, "text")
    assert stat.S_IMODE(file.stat().st_mode) == after
