"""What is built and shipped: one abi3 wheel with everything, which needs little and exports
little."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import vapi_cffi
from vapi_cffi import _native

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_version_is_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert vapi_cffi.__version__.count(".") == 2
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {vapi_cffi.__version__}" in changes


def test_the_module_is_abi3_and_exports_only_what_is_vapis() -> None:
    assert _native.__file__.endswith(".abi3.so")
    names = {
        line.split()[-1].split("@")[0]
        for line in run("nm", "-D", "--defined-only", _native.__file__).splitlines()
    }
    strange = {n for n in names if not n.startswith(("vapi_", "PyInit_"))} - {"_init", "_fini"}
    assert strange == set()


def test_importing_needs_no_more_than_the_dependencies() -> None:
    program = "import sys, vapi_cffi; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = set(run(sys.executable, "-c", program).split())
    assert not loaded & {"numpy", "rich", "click", "lark", "setuptools", "pytest"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "-o", folder, ROOT)
    return folder


@pytest.mark.timeout(300)
def test_the_sdist_has_the_sources(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        *("csrc/conn.c", "csrc/include/vapi/vapi.h", "vapi_cffi/cdef/vapi.h", "LICENSE"),
        *("tests/conftest.py", "generator/api.lark", "Makefile", "README.md"),
    ):
        assert name in names, name
    assert not [name for name in names if name.endswith((".so", ".o", "_native.c", ".pyc"))]


@pytest.mark.timeout(300)
def test_the_wheel_has_what_is_needed(built: Path) -> None:
    (path,) = built.glob("*.whl")
    assert "-cp311-abi3-linux" in path.name
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
    for name in (
        *("_native.abi3.so", "_native.pyi", "py.typed", "cli/demo.py", "sim/__init__.py"),
        *("generator/__init__.py", "generator/api.lark", "generator/emit/__init__.py"),
        *("include/vapi/vapi.h", "include/vapi/batch.h", "api/memclnt.api"),
    ):
        assert f"vapi_cffi/{name}" in names, name
    assert not [name for name in names if name.endswith(".c") or "/cdef/" in name]
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"vapi_cffi"}


@pytest.mark.timeout(300)
def test_the_wheel_works_where_nothing_else_is(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    install = (sys.executable, "-m", "pip", "--python", python, "-q", "install")
    run(*install, "--disable-pip-version-check", wheel)
    assert vapi_cffi.__version__ in run(tmp_path / "env" / "bin" / "vapi", "--version")
    out = run(tmp_path / "env" / "bin" / "vapi", "ping", "-a", "sim:", "-t", "shm", cwd=tmp_path)
    assert "4 answered" in out
    run(python, "-m", "vapi_cffi.generator", "--help", cwd=tmp_path)
