"""proto/generate.py: deterministic, and loud about drift."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The contract as it was handed over; a new one is a decision, not an edit.
CONTRACT = {
    "mxaccess_gateway.proto": "4bf7e3697f840f91aefde732a59f76e4426a09cf744a7d12a65d1ea9e281f3e4",
    "galaxy_repository.proto": "ef76e8b04bd31d3c6e22269d9fa249fd403b1239024c61ea716f88a95b4f917f",
    "mxaccess_worker.proto": "8c7f1f07c94d1d2f26b0b4778a66f31b7c7eb6e088a48a31f10813eb1c2e3429",
}


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Neither an activated environment nor a configuration in the working directory matters.
    environment = {k: v for k, v in os.environ.items() if k not in ("PATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [sys.executable, root / "proto" / "generate.py", *arguments],
        cwd=root,
        env=environment | {"PATH": os.defpath},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture(scope="module")
def copy_of_the_repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repo with a blank")
    shutil.copytree(ROOT / "proto", root / "proto", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "mxgateway" / "generated",
        root / "mxgateway" / "generated",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (root / "ruff.toml").write_text("line-length = 60\n[lint.isort]\nno-sections = true\n")
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return root


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract_is_the_one_that_was_handed_over(name: str) -> None:
    assert hashlib.sha256((ROOT / "proto" / name).read_bytes()).hexdigest() == CONTRACT[name]


def test_the_generated_package_is_what_the_contract_gives(copy_of_the_repo: Path) -> None:
    result = generate(copy_of_the_repo, "--check")

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_drift_is_shown_and_healed(copy_of_the_repo: Path) -> None:
    package = copy_of_the_repo / "mxgateway" / "generated"
    changed = package / "galaxy_repository" / "v1" / "__init__.py"
    before = changed.read_bytes()
    changed.write_bytes(before.replace(b"page_size", b"size_of_page"))
    (package / "stale.py").write_text("")
    (package / "py.typed").unlink()

    result = generate(copy_of_the_repo, "--check")

    assert result.returncode == 1
    assert '-    size_of_page: "int"' in result.stdout
    assert '+    page_size: "int"' in result.stdout
    assert "mxgateway/generated/stale.py: no .proto file gives this file" in result.stdout
    assert "mxgateway/generated/py.typed: missing" in result.stdout
    assert "run `make proto`" in result.stderr
    assert changed.read_bytes() != before

    assert generate(copy_of_the_repo).returncode == 0
    assert changed.read_bytes() == before
    assert not (package / "stale.py").exists()
    assert generate(copy_of_the_repo, "--check").returncode == 0


def test_a_contract_that_does_not_compile_is_reported(copy_of_the_repo: Path) -> None:
    broken = copy_of_the_repo / "proto" / "galaxy_repository.proto"
    text = broken.read_text(encoding="utf-8")
    try:
        broken.write_text(text.replace("int32 page_size = 1;", "int33 page_size = 1;"))
        result = generate(copy_of_the_repo, "--check")
    finally:
        broken.write_text(text)

    assert result.returncode == 2
    assert '"int33" is not defined' in result.stderr
