# SPDX-License-Identifier: Apache-2.0
"""Builds the C and C++ tests of the generated bindings and runs each program as one test; then the
library as users have it: installed, found by pkg-config and CMake, with the examples.

``VAPI_NATIVE_VARIANTS`` chooses the builds of the programs, as for tests/native: ``plain``
(default), ``asan``, ``tsan``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "capi"
CORPUS = ROOT.parent / "shared" / "vpp-26.06"
CC = os.environ.get("CC", "gcc")
CXX = os.environ.get("CXX", "g++")
PROGRAMS = sorted(path.stem for path in HERE.glob("test_*.c*"))
VARIANTS = os.environ.get("VAPI_NATIVE_VARIANTS", "plain").split()
ENVIRONMENT = {
    "plain": {},
    "asan": {"ASAN_OPTIONS": "detect_leaks=1", "CHECK_SCALE": "4"},
    "tsan": {"TSAN_OPTIONS": "halt_on_error=1", "CHECK_SCALE": "10"},
    "coverage": {"CHECK_SCALE": "4"},
}

pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("make", CC, CXX)),
    reason="needs make, a C and a C++ compiler",
)


def run(*command: object, **environment: str) -> str:
    """Run a command that must succeed; its output."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, f"{command[0]}: {(done.stdout + done.stderr)[-4000:]}"
    return done.stdout


def remove_leftovers() -> None:
    """Remove what killed programs of earlier runs left in shared memory: that of dead processes."""
    for path in Path("/dev/shm").glob("capi-*"):
        found = re.match(r"capi-(\d+)-", path.name)
        if found is not None and not Path("/proc", found.group(1)).exists():
            path.unlink(missing_ok=True)


@pytest.fixture(scope="module", autouse=True)
def _no_leftovers() -> None:
    remove_leftovers()


def test_leftovers_of_the_dead_are_removed() -> None:
    """At the start of a run; what belongs to a process that lives stays."""
    with subprocess.Popen(["true"]) as process:
        process.wait(10)
    mine, dead = (Path(f"/dev/shm/capi-{pid}-0-x") for pid in (os.getpid(), process.pid))
    mine.touch()
    dead.touch()
    try:
        remove_leftovers()
        assert mine.exists()
        assert not dead.exists()
    finally:
        mine.unlink(missing_ok=True)
        dead.unlink(missing_ok=True)


def make(*targets: object) -> None:
    jobs = min(os.cpu_count() or 1, 4)
    run("make", "-C", HERE, "-j", jobs, f"PYTHON={sys.executable}", *targets)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_bindings(program: str, variant: str) -> None:
    target = BUILD / variant / program
    make(target)
    output = run(target, **ENVIRONMENT[variant])
    last = output.strip().split("\n")[-1]
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", last), output


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_bindings_under_valgrind() -> None:
    make("valgrind")


def test_result_sets_are_ranges() -> None:
    """C++20: static assertions and a filter view."""
    make("generated")
    done = subprocess.run(
        [CXX, "-std=c++20", "-fsyntax-only", "-x", "c++", "/dev/null"], check=False, timeout=60
    )
    if done.returncode != 0:
        pytest.skip("needs a compiler for C++20")
    run(
        *(CXX, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"),
        *(f"-I{BUILD / 'gen'}", f"-I{ROOT / 'csrc' / 'include'}", HERE / "ranges.cpp"),
    )


# --- the library, installed ---


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `make install-c` put everything."""
    to = tmp_path_factory.mktemp("installed") / "usr"
    run("make", "-C", ROOT / "csrc", "-j2", "install-c", f"PREFIX={to}")
    return to


@pytest.fixture(scope="module")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Headers of the APIs that the examples use, from the API files that the package brings."""
    to = tmp_path_factory.mktemp("bindings")
    run(
        *(sys.executable, "-m", "generator", "--no-cache", "--c", to, "--cpp", to),
        *(ROOT / "vapi_cffi" / "api" / f"{name}.api" for name in ("vpe", "interface", "ip", "l2")),
        ROOT / "tests" / "capi" / "demo.api",
    )
    return to


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, str]]:
    """A peer as a process of its own: its socket and its prefix."""
    make(BUILD / "plain" / "server")
    with subprocess.Popen(
        [BUILD / "plain" / "server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.stdout.readline().strip()
        process.stdin.close()
        assert process.wait(10) == 0


def test_only_vapi_is_exported(prefix: Path) -> None:
    shared = run("nm", "-D", "--defined-only", prefix / "lib" / "libvapiclient.so")
    names = [line.split()[-1] for line in shared.splitlines()]
    assert "vapi_connect_ex" in names
    assert "vapi_msg_id_control_ping_reply" in names
    assert [name for name in names if not name.startswith("vapi_")] == []
    static = run("nm", "-g", "--defined-only", prefix / "lib" / "libvapiclient.a")
    names = [line.split()[-1] for line in static.splitlines() if len(line.split()) == 3]
    assert "vapi_connect_ex" in names
    assert [name for name in names if not name.startswith("vapi_")] == []


def flags(prefix: Path, *options: str) -> list[str]:
    """What pkg-config says of the installed library."""
    if shutil.which("pkg-config") is None:
        pytest.skip("needs pkg-config")
    path = str(prefix / "lib" / "pkgconfig")
    return run("pkg-config", *options, "vapi", PKG_CONFIG_PATH=path).split()


def build(source: Path, to: Path, prefix: Path, bindings: Path, *, static: bool = False) -> Path:
    """Compile a program as a user would, strictly."""
    program = to / source.stem
    is_c = source.suffix == ".c"
    link = flags(prefix, "--libs", *(["--static"] if static else []))
    if static:
        link = [str(prefix / "lib" / "libvapiclient.a"), "-pthread"]
    run(
        *(CC if is_c else CXX, "-std=c11" if is_c else "-std=c++17", "-Wall", "-Wextra", "-Werror"),
        *("-pthread", "-o", program, source, f"-I{bindings}", *flags(prefix, "--cflags")),
        *(*link, f"-Wl,-rpath,{prefix / 'lib'}"),
    )
    return program


EXAMPLES = sorted((ROOT / "examples" / "c").glob("*.c")) + sorted(
    (ROOT / "examples" / "cpp").glob("*.cpp")
)


@pytest.mark.parametrize("transport", ["socket", "shm"])
@pytest.mark.parametrize("source", EXAMPLES, ids=lambda path: path.name)
def test_examples(
    source: Path,
    transport: str,
    prefix: Path,
    bindings: Path,
    server: tuple[str, str],
    tmp_path: Path,
) -> None:
    """Each example builds without a warning and does what its first comment says."""
    program = build(source, tmp_path, prefix, bindings)
    address = server[0] if transport == "socket" else server[1]
    output = run(program, transport, address)
    expected = re.search(r"Prints: (.*)", source.read_text("utf-8"))
    assert expected is not None, "the example does not say what it prints"
    assert re.search(expected.group(1), output), output


def test_an_example_linked_statically(
    prefix: Path, bindings: Path, server: tuple[str, str], tmp_path: Path
) -> None:
    source = ROOT / "examples" / "c" / "show_version.c"
    program = build(source, tmp_path, prefix, bindings, static=True)
    assert "libvapiclient" not in run("ldd", program)
    assert "vpe" in run(program, "socket", server[0])


PING = re.compile(r"define control_ping\n\{.*?\};\n\ndefine control_ping_reply\n\{.*?\};\n", re.S)


@pytest.mark.parametrize(("release", "static"), [("older", True), ("newer", False)])
def test_bindings_of_other_releases(
    release: str, static: bool, prefix: Path, server: tuple[str, str], tmp_path: Path
) -> None:
    """The files whose ids the library has are not the same in every VPP: before 22.02 control_ping
    was in vpe.api, and the next release may have what nobody knows of yet."""
    texts = {
        name: (ROOT / "vapi_cffi" / "api" / f"{name}.api").read_text("utf-8")
        for name in ("memclnt", "vlib", "vpe", "vpe_types", "interface", "interface_types")
    }
    if release == "older":
        ping = PING.search(texts["memclnt"])
        assert ping is not None
        texts["memclnt"] = texts["memclnt"].replace(ping[0], "")
        texts["vpe"] += ping[0]
    else:
        novel = "autoreply define {}_novel {{ u32 client_index; u32 context; }};\n"
        for name in ("memclnt", "vlib"):
            texts[name] += novel.format(name)
    for name, text in texts.items():
        (tmp_path / f"{name}.api").write_text(text)
    include = tmp_path / "gen"
    run(
        *(sys.executable, "-m", "generator", "--no-cache", "--c", include, "--cpp", include),
        *("-I", tmp_path, "-I", ROOT / "vapi_cffi" / "api"),
        *(tmp_path / f"{name}.api" for name in texts),
    )
    source = ROOT / "examples" / "c" / "show_version.c"
    program = build(source, tmp_path, prefix, include, static=static)
    assert "vpe" in run(program, "socket", server[0])
    source = ROOT / "examples" / "cpp" / "loopbacks.cpp"
    program = build(source, tmp_path, prefix, include, static=static)
    run(program, "shm", server[1])


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")
def test_cmake_finds_it(
    prefix: Path, bindings: Path, server: tuple[str, str], tmp_path: Path
) -> None:
    source = ROOT / "examples" / "c" / "show_version.c"
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.10)\nproject(p C)\nfind_package(vapi 0.1 REQUIRED)\n"
        f"foreach(kind vapi vapi_static)\nadd_executable(with_${{kind}} {source})\n"
        f"target_include_directories(with_${{kind}} PRIVATE {bindings})\n"
        "target_link_libraries(with_${kind} vapi::${kind})\nendforeach()\n"
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path / "b")
    for kind in ("vapi", "vapi_static"):
        assert "vpe" in run(tmp_path / "b" / f"with_{kind}", "socket", server[0])


PAGES = [ROOT / "docs" / "c.md", ROOT / "docs" / "cpp.md"]


#: What the programs of a page print, in their order.
PRINTED = {
    "c": [r"^vpe \S+$", r"^event of interface \d+$(.|\n)*^0: local0$\n^\d+: loop\d+$"],
    "cpp": [r"^vpe \S+$", r"^event of interface \d+$(.|\n)*^[1-9]\d* of \d+ are loopbacks$"],
}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_programs_of_the_page(
    page: Path, prefix: Path, bindings: Path, server: tuple[str, str], tmp_path: Path
) -> None:
    """All programs of docs/c.md and docs/cpp.md, as they stand there."""
    language = page.stem
    found = re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    for number, (text, printed) in enumerate(zip(found, PRINTED[language], strict=True)):
        source = tmp_path / f"program{number}.{language}"
        source.write_text(text)
        program = build(source, tmp_path, prefix, bindings)
        assert re.search(printed, run(program, server[0]), re.MULTILINE)
