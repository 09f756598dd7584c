"""Every place where text leaves the program, walked in the source: none goes round the doors.

What people read goes through `Environment.show`, `say`, `note`, `fact` and the console of
`output.console`; what programs read through `write` and `say_json`; the library has its log and
its errors. A new sink fails these tests until it uses a door, or is put on a list with a reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Call:
    """A call in the source.

    Attributes:
        place: Path of the module below the root.
        name: What is called, as it is written, without what it is called on.
        whole: What is called, with that.
        arguments: The arguments as they are written.
    """

    place: str
    name: str
    whole: str
    arguments: tuple[str, ...]


def calls_in(folder: str, *, without: tuple[str, ...] = ()) -> Iterator[Call]:
    """Yield every call of the modules below a folder."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if place.startswith(without):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                whole = ast.unparse(node.func)
                arguments = tuple(map(ast.unparse, node.args))
                yield Call(place, whole.rpartition(".")[2], whole, arguments)


# Where text is written without a door, and why.
RAW: Final = {
    ("cli/__main__.py", "sys.stdout.write"): "the version, a constant",
    ("cli/environment.py", "self.stdout.write"): "the door itself",
    ("cli/environment.py", "self.stderr.write"): "the door itself",
    ("cli/output/progress.py", "self._stream.write"): "numbers and our own words",
    ("cli/output/live.py", "self._stream.write"): "what a live picture begins and ends with",
    ("cli/signals.py", "os.write"): "what ends a live picture, a constant",
    ("cli/environment.py", "click.confirm"): "the door itself",
    ("cli/environment.py", "click.prompt"): "the door itself",
    ("cli/settings/keys.py", "click.prompt"): "a constant question",
}
_WRITES: Final = ("stdout.write", "stderr.write", "_stream.write", "os.write", "click.prompt")
_WRITES_BY_NAME: Final = {"print", "echo", "secho", "confirm", "echo_via_pager", "pause"}
# Drawing is by consoles that `output.console` makes.
_DRAWS: Final = re.compile(r"(^|[._])console(_for\(environment\))?\.print$")


def test_nothing_is_written_but_through_the_doors() -> None:
    found = set()
    for call in calls_in("cli"):
        raw = call.whole.endswith(_WRITES) or call.name in _WRITES_BY_NAME
        door = call.whole.endswith(("environment.confirm", "environment.ask_hidden"))
        if raw and not door and not _DRAWS.search(call.whole):
            found.add((call.place, call.whole))
    assert found == set(RAW)


def test_no_console_is_made_but_in_one_place() -> None:
    made = {c.place for c in calls_in("cli") if c.name in ("Console", "RichHandler", "get_console")}
    assert made == set()
    kinds = {
        place.relative_to(ROOT).as_posix()
        for place in (ROOT / "cli").rglob("*.py")
        if "(Console)" in place.read_text(encoding="utf-8")
    }
    assert kinds == {"cli/output/console.py"}


# What `Environment.write` is given: formats that escape by themselves, and constants.
FORMATS: Final = re.compile(
    r"^(json_document\(|json_line\(|''\.join\(\(?csv_line\(|csv_line\(|SENTINEL \+|script\(|"
    r"kind\(group, .*\.complete\(\)$|''\.join\(\(?f'\{printable\(line\)\})"
)


def test_only_formats_of_programs_are_written_as_they_are() -> None:
    found = [
        call
        for call in calls_in("cli")
        if call.name == "write" and call.whole.endswith(("environment.write", "self.write"))
    ]
    assert len(found) > 8
    for call in found:
        (argument,) = call.arguments
        assert FORMATS.search(argument), call


# Texts that log records take with %s, and why they are one line of our own or escaped before.
LOGGED: Final = {
    "error": "an error of the library, which escapes its message",
    "failure": "an error of the library, which escapes its message",
    "error.message": "escaped where the error was made",
    "warning": "our own words with numbers",
    "text": "escaped where it was put together",
    "gap.kind": "a word of ours",
    "advice": "a word of ours",
    "options.target": "given by the caller",
    "self.options.target": "given by the caller",
    "printable(loss.text)": "escaped here",
}
_LEVELS: Final = {"debug", "info", "warning", "error", "exception", "critical"}


def test_log_records_quote_what_others_say() -> None:
    seen = set()
    for call in calls_in("mxgateway", without=("mxgateway/generated/",)):
        if call.name not in _LEVELS or not call.whole.lower().startswith(("_log.", "log.")):
            continue
        template, *values = call.arguments
        kinds = re.findall(r"%[-+.0-9]*([a-z])", template)
        assert len(kinds) == len(values), call
        for kind, value in zip(kinds, values, strict=True):
            assert kind in "srdgfo", call
            if kind == "s":
                assert value in LOGGED, call
                seen.add(value)
        assert not template.startswith("f'"), call
    assert seen == set(LOGGED)


def test_the_library_writes_nowhere_but_into_its_log() -> None:
    bad = [
        call
        for call in calls_in("mxgateway", without=("mxgateway/simulator/",))
        if call.name in ("print", "print_exc", "print_exception")
        or call.whole.startswith(("sys.stdout", "sys.stderr"))
    ]
    assert bad == []


@pytest.mark.parametrize("folder", ["cli", "mxgateway"])
def test_nothing_of_others_is_run(folder: str) -> None:
    """No shell, and no text that is evaluated but the codec's own."""
    bad = {
        (call.place, call.whole)
        for call in calls_in(folder)
        if call.whole in ("eval", "exec", "os.system", "os.popen", "compile", "pickle.loads")
    }
    assert bad <= {("mxgateway/codec/source.py", "exec"), ("mxgateway/codec/source.py", "compile")}
    shells = [
        path
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"shell\s*=\s*True", path.read_text(encoding="utf-8"))
    ]
    assert shells == []
