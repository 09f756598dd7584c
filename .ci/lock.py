"""Makes the files in locks/, which say in which version and with which hashes all is installed.

python .ci/lock.py [--audit] [WORD...]

Each lock holds for every supported Python and system. What is pinned stays pinned while
pyproject.toml allows it; words such as `--upgrade` or `--upgrade-package=h2` go to uv, which does
the work. `--audit` compares the locks with the database of known vulnerabilities instead.
Both tools are installed from locks of their own into an environment that is thrown away.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks"
COMPILE = [
    "pip",
    "compile",
    "--quiet",
    "--universal",
    "--generate-hashes",
    "--custom-compile-command=make lock",
    # Wheels only, as they are installed: then nothing is built, and no build needs packages.
    "--no-build",
    "--no-python-downloads",
    "--no-config",
    "--system-certs",
]
# The index may be another one, for example a mirror; files from elsewhere and other rules may not.
UV_KEPT = {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CACHE_DIR", "UV_HTTP_TIMEOUT"}


def succeeds(*words: str | Path, stdin: str = "", env: dict[str, str] | None = None) -> bool:
    """Run a tool in the repository and tell whether it succeeded; it prints for itself."""
    command = [str(word) for word in words]
    done = subprocess.run(command, cwd=ROOT, input=stdin, text=True, env=env, check=False)  # noqa: S603
    return done.returncode == 0


def run(*words: str | Path, stdin: str = "", env: dict[str, str] | None = None) -> None:
    """Run a tool in the repository; its failure ends this program with the tool's own words."""
    if not succeeds(*words, stdin=stdin, env=env):
        raise SystemExit(1)


@contextmanager
def tool(name: str) -> Iterator[Path]:
    """Install a tool from the lock of its name; its program is there for the block."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / ("Scripts" if os.name == "nt" else "bin")
        pip = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        options = ["--require-hashes", "--only-binary=:all:", "--requirement", f"locks/{name}.txt"]
        run(programs / "python", *pip, *options)
        yield programs / name


def make(words: list[str]) -> None:
    """Write every lock: development first, then what must be equal to parts of it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = project["project"]["requires-python"].removeprefix(">=")
    environment = {n: v for n, v in os.environ.items() if not n.startswith("UV_") or n in UV_KEPT}
    dev = LOCKS / "dev.txt"

    with tool("uv") as uv:

        def lock(name: str, *sources: str, stdin: str = "") -> None:
            words = ["--python-version", oldest, "--output-file", f"locks/{name}.txt", *sources]
            run(uv, *COMPILE, *words, stdin=stdin, env=environment)

        lock("dev", "--extra=dev", "pyproject.toml", *words)
        for part in ("runtime", "build"):
            # uv keeps what the file it writes held before: that is how the versions become equal.
            shutil.copyfile(dev, LOCKS / f"{part}.txt")
        lock("runtime", "pyproject.toml")
        lock("build", "-", "--no-annotate", stdin="\n".join(project["build-system"]["requires"]))
        for group in project["dependency-groups"]:
            lock(group, f"--group={group}", *words)


def audit() -> None:
    """Ask for known vulnerabilities of what the locks install on this system.

    Raises:
        SystemExit: There are some, or a project could not be asked for.
    """
    bad = []
    with tool("pip-audit") as pip_audit:
        for path in sorted(LOCKS.glob("*.txt")):
            options = [
                "--strict",
                "--disable-pip",
                "--require-hashes",
                "--requirement",
                f"locks/{path.name}",
            ]
            if not succeeds(pip_audit, *options):
                bad.append(path.name)
    if bad:
        raise SystemExit(f"vulnerable, or not audited: {', '.join(bad)}; the reasons stand above")


def main() -> int:
    """Make the locks or audit them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audit", action="store_true", help="look for known vulnerabilities")
    chosen, words = parser.parse_known_args()
    if chosen.audit:
        audit()
    else:
        make(words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
