"""What is built and shipped: one abi3 wheel with everything, which needs little and exports
little."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from _children import line

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
        *("_c/include/vapi/vapi.h", "_c/include/vapi/vapi.hpp", "_c/include/vlibapi/api_types.h"),
        *("_c/lib/libvapiclient.so", "_c/lib/libvapiclient.so.1", "_c/lib/libvapiclient.a"),
        *("_c/lib/pkgconfig/vapi.pc", "_c/lib/cmake/vapi/vapi-config.cmake", "api/memclnt.api"),
    ):
        assert f"vapi_cffi/{name}" in names, name
    assert not [name for name in names if name.endswith(".c") or "/cdef/" in name]
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"vapi_cffi"}


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which there is the wheel, and nothing else but what it
    asks for."""
    (wheel,) = built.glob("*.whl")
    environment = tmp_path_factory.mktemp("wheel") / "env"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    install = (sys.executable, "-m", "pip", "--python", python, "-q", "install")
    run(*install, "--disable-pip-version-check", wheel)
    return environment / "bin"


@pytest.mark.timeout(300)
def test_the_wheel_works_where_nothing_else_is(installed: Path, tmp_path: Path) -> None:
    assert vapi_cffi.__version__ in run(installed / "vapi", "--version")
    out = run(installed / "vapi", "ping", "-a", "sim:", "-t", "shm", cwd=tmp_path)
    assert "4 answered" in out
    run(installed / "python", "-m", "vapi_cffi.generator", "--help", cwd=tmp_path)


# --- the C library, as the documents use it ---


def need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")


def code(page: str, language: str) -> list[str]:
    """The blocks of a document in a language, in order."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shell(installed: Path, folder: Path, *scripts: str) -> str:
    """What scripts print that find the installed programs and a C library nowhere else."""
    lost = ("LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in lost}
    environment["PATH"] = f"{installed}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", "\n".join(scripts)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sim(installed: Path) -> Iterator[str]:
    """The socket of `vapi sim`."""
    with subprocess.Popen([installed / "vapi", "sim"], stdout=subprocess.PIPE, text=True) as peer:
        yield line(peer).removeprefix("serving on unix:")
        peer.send_signal(signal.SIGINT)


@pytest.fixture
def first(installed: Path, tmp_path: Path) -> Path:
    """A folder with the first programs of the documents, and an API file as VPP installs it."""
    (tmp_path / "first.c").write_text(code("c.md", "c")[0])
    (tmp_path / "first.cpp").write_text(code("cpp.md", "cpp")[0])
    run(installed / "vapi", "generate", ROOT / "vapi_cffi/api/vpe.api", "--json", ".", cwd=tmp_path)
    return tmp_path


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("page", "compiler"), [("c.md", "cc"), ("cpp.md", "c++")])
def test_the_commands_of_a_page(
    page: str, compiler: str, installed: Path, first: Path, sim: str
) -> None:
    need(compiler)
    commands = code(page, "sh")[0]
    assert "/run/vpp/api.sock" in commands
    assert "vpe 26.06" in shell(installed, first, commands.replace("/run/vpp/api.sock", sim))


@pytest.mark.timeout(300)
def test_the_static_library(installed: Path, first: Path, sim: str) -> None:
    need("cc")
    commands = code("c.md", "sh")[0].replace("--libs", "--libs --static")
    out = shell(installed, first, commands.replace("/run/vpp/api.sock", sim), "ldd first")
    assert "vpe 26.06" in out
    assert "vapiclient" not in out


@pytest.mark.timeout(300)
def test_the_commands_with_pkg_config(installed: Path, first: Path, sim: str) -> None:
    need("cc", "pkg-config")
    generate = code("c.md", "sh")[0].splitlines()[0]
    assert "vpe 26.06" in shell(installed, first, generate, code("c.md", "sh")[1], f"./first {sim}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", ["vapi::vapi", "vapi::vapi_static"])
def test_the_commands_with_cmake(target: str, installed: Path, first: Path, sim: str) -> None:
    need("cc", "cmake")
    (text,) = code("c.md", "cmake")
    (first / "CMakeLists.txt").write_text(text.replace("vapi::vapi)", f"{target})"))
    generate = code("c.md", "sh")[0].splitlines()[0]
    commands = (generate, code("c.md", "sh")[2], f"build/first {sim}", "ldd build/first")
    out = shell(installed, first, *commands)
    assert "vpe 26.06" in out
    assert ("libvapiclient" in out) == (target == "vapi::vapi")


@pytest.mark.timeout(300)
def test_vapi_config_of_the_wheel(installed: Path) -> None:
    """Every place that it prints is inside the environment, and is there."""
    site = installed.parent
    places = ("--includedir", "--libdir", "--pkgconfig-dir", "--cmake-dir", "--version")
    *found, version = run(installed / "vapi", "config", *places).splitlines()
    assert version == vapi_cffi.__version__
    files = ("vapi/vapi.h", "libvapiclient.so.1", "vapi.pc", "vapi-config.cmake")
    for folder, name in zip(found, files, strict=True):
        assert Path(folder, name).is_file()
        assert Path(folder).is_relative_to(site)
    names = run("nm", "-D", "--defined-only", Path(found[1], "libvapiclient.so.1")).splitlines()
    exported = [name.split()[-1] for name in names]
    assert "vapi_connect_ex" in exported
    assert [name for name in exported if not name.startswith("vapi_")] == []


def test_vapi_config_of_a_checkout() -> None:
    """Builds what it needs; the second time there is nothing to say."""
    vapi = (sys.executable, "-m", "vapi_cffi.cli", "config")
    run(*vapi, "--libdir", cwd=ROOT)
    again = subprocess.run(
        [*vapi, "--libdir", "--cflags"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert again.stderr == ""
    flags, lib = again.stdout.splitlines()
    assert Path(flags.removeprefix("-I"), "vapi", "vapi.h").is_file()
    assert Path(lib, "libvapiclient.a").is_file()


def test_vapi_config_names_the_api_files_of_the_peer(tmp_path: Path) -> None:
    """As docs/c.md says; the library need not be there, nor built."""
    vapi = (sys.executable, "-m", "vapi_cffi.cli")
    folder, version = run(*vapi, "config", "--apidir", "--version").splitlines()
    assert version == vapi_cffi.__version__
    run(*vapi, "generate", "--c", tmp_path, folder)
    assert (tmp_path / "vapi" / "vpe.api.vapi.h").is_file()


def test_a_build_without_make_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_c"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1] == (
        "error: the C library needs make: apt-get install make"
    )
