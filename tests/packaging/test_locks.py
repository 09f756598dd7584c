"""What is installed comes from locks with hashes, and the locks fit pyproject.toml."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from distribution_tools import ROOT, run

LOCKS = sorted((ROOT / "locks").glob("*.txt"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with a copy of pyproject.toml and the locks."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    return tmp_path


def check(root: Path) -> str:
    """Run the check of the locks; return what it finds, nothing where all is well."""
    try:
        return run(sys.executable, ROOT / ".ci" / "lock_check.py", "--root", root, cwd=root)
    except AssertionError as error:
        return str(error)


def edit(path: Path, pattern: str, new: str) -> None:
    """Replace the first match of a pattern, which must be there."""
    text, count = re.subn(pattern, new, path.read_text(encoding="utf-8"), count=1)
    assert count == 1, f"{pattern} is not in {path}"
    path.write_text(text, encoding="utf-8")


def test_the_locks_fit_pyproject() -> None:
    assert check(ROOT) == ""


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_no_index_and_no_folder(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")

    assert not re.search(r"://|file:|\s/|\\\w|@", text)
    assert re.findall(r"^\S+", text, re.MULTILINE)


def test_what_pyproject_asks_for_and_a_lock_has_not_is_told(tree: Path) -> None:
    project = tree / "pyproject.toml"
    edit(project, r'"h2>=4\.1,<5"', '"h2>=99", "another-project>=1"')
    edit(project, r'    "rich-click[^"]*",\n', "")
    edit(project, r'"pexpect>=4\.9; sys_platform != \'win32\'"', '"pexpect>=4.9"')
    edit(project, r'uv = \["uv==[^"]*"\]', 'uv = ["uv==0.0.1"]')
    edit(project, r'"setuptools>=77"\]', '"setuptools>=77", "another-backend"]')

    found = check(tree)

    for file in ("runtime.txt", "dev.txt"):
        assert re.search(rf"locks/{file}: h2>=99 is required, and for Python 3\.11 .* 4\.", found)
        assert re.search(rf"locks/{file}: another-project>=1 .* there is nothing", found)
        assert f"locks/{file}: rich-click is no longer in pyproject.toml" in found
    assert re.search(r"dev\.txt: pexpect>=4\.9 .* on Windows there is nothing", found)
    assert "locks/uv.txt: uv==0.0.1 is required" in found
    assert "locks/build.txt: another-backend is required" in found
    assert "make lock" in found


def test_locks_that_disagree_are_told(tree: Path) -> None:
    locks = tree / "locks"
    edit(locks / "dev.txt", r"(?m)^h2==(\S+)", "h2==4.1.0")
    edit(locks / "build.txt", r"(?m)^setuptools==(\S+)", "setuptools==77.0.0")
    (locks / "pip-audit.txt").rename(locks / "forgotten.txt")
    twice = "colorama==0.4.5 --hash=sha256:" + "0" * 64 + "\n"
    runtime = (locks / "runtime.txt").read_text(encoding="utf-8")
    (locks / "runtime.txt").write_text(runtime + twice, encoding="utf-8")

    found = check(tree)

    assert re.search(r"locks/runtime\.txt: h2 \S+ is not what locks/dev\.txt has", found)
    assert "locks/build.txt: setuptools 77.0.0 is not what locks/dev.txt has" in found
    assert "locks/pip-audit.txt does not exist" in found
    assert "locks/forgotten.txt: nothing in pyproject.toml is locked by this file" in found
    assert "locks/runtime.txt: colorama has two versions for Python 3.11 on Windows" in found
    assert "the single file can hold only one" in found


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("h2>=4 --hash=sha256:" + "0" * 64, "does not name one version"),
        ("h2==4.* --hash=sha256:" + "0" * 64, "does not name one version"),
        ("h2 @ https://example.org/h2.whl", "does not name one version"),
        ("h2==4.4.1", "h2 needs SHA-256 hashes and nothing else"),
        ("h2==4.4.1 --hash=md5:" + "0" * 32, "h2 needs SHA-256 hashes and nothing else"),
        ("--index-url https://example.org/simple", "is no pinned project"),
        ("-e .", "is no pinned project"),
        (
            "h2==4.4.1 ; python_version < '3' --hash=sha256:" + "0" * 64,
            "holds on no supported Python and system",
        ),
        (
            "h2==4.4.1 ; platform_machine == 'arm64' --hash=sha256:" + "0" * 64,
            "a marker asks for platform_machine",
        ),
    ],
)
def test_a_line_that_pins_nothing_is_told_with_its_place(
    tree: Path, line: str, reason: str
) -> None:
    lock = tree / "locks" / "runtime.txt"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(f"{text}{line}\n", encoding="utf-8")

    found = check(tree)

    assert f"locks/runtime.txt:{len(text.splitlines()) + 1}: " in found
    assert reason in found


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_installs_nothing_without_a_hash(tmp_path: Path) -> None:
    # A folder without an environment: make shows every step that a fresh clone takes.
    words = ["--dry-run", f"VENV={tmp_path / 'none'}", "demo", "dev", "ci", "offline", "lock"]
    shown = run("make", *words, cwd=ROOT, MAKEFLAGS="", MAKELEVEL="")
    installs = [line for line in shown.splitlines() if re.search(r"pip\b.* install ", line)]

    assert len(installs) >= 4
    for line in installs:
        checked = "--require-hashes --only-binary=:all: --requirement locks/" in line
        ourselves = line.endswith("--no-index --no-deps --no-build-isolation --editable .")
        assert checked or ourselves, line
