"""Fixtures of the generator's tests: the corpus, the golden inputs, files on the fly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
CORPUS = ROOT.parent / "shared" / "vpp-26.06"

# The generator runs from the checkout, without the extension being built.
sys.path.insert(0, str(ROOT))

import generator  # noqa: E402
from generator.model import Model  # noqa: E402

Write = Callable[[dict[str, str]], Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def corpus_dir() -> Path:
    """The JSON of VPP 26.06."""
    if not CORPUS.is_dir():
        pytest.skip(f"the JSON files of VPP 26.06 are not at {CORPUS}")
    return CORPUS


@pytest.fixture(scope="session")
def corpus(corpus_dir: Path) -> Model:
    """The model of all of VPP 26.06, CRCs proven."""
    return generator.load(corpus_dir)


@pytest.fixture(scope="session")
def golden() -> Model:
    """The model of the golden inputs."""
    return generator.load(GOLDEN / "input")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below a fresh directory."""

    def write_files(texts: dict[str, str]) -> Path:
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return tmp_path

    return write_files


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stamps of tests stay out of the user's cache."""
    monkeypatch.setenv("VAPI_CFFI_CACHE", str(tmp_path_factory.mktemp("stamps")))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `python -m generator` in a fresh directory, as a user would."""

    def run_command(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "generator", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=timeout,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    return run_command
