"""`vapi config`: what the build of a C or C++ program needs to know.

A wheel brings the library, its headers and its pkg-config and CMake files. A checkout (`pip install
-e .`) builds them below `build/c` when they are asked for, and again when a source has changed.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from pathlib import Path

import click

from .._version import __version__

PACKAGE = Path(__file__).parent.parent
CSRC = PACKAGE.parent / "csrc"
BUILD = PACKAGE.parent / "build" / "c"
LIBRARY = Path("lib", "libvapiclient.so.1")

#: The options that print something, in the order in which they do.
TEXTS = {
    "cflags": "Print the compiler's flags.",
    "libs": "Print the linker's flags; programs find the shared library where it is now.",
    "includedir": "Print the directory of the headers, vapi/vapi.h below it.",
    "libdir": "Print the directory of the libraries.",
    "pkgconfig-dir": "Print the directory of vapi.pc, for PKG_CONFIG_PATH.",
    "cmake-dir": "Print the directory of vapi-config.cmake, for vapi_DIR.",
    "apidir": "Print the directory of the API files that the embedded peer knows.",
    "version": "Print the library's version.",
}

EPILOG = """Exit codes: 0 done, 1 the library is not there and cannot be built, 2 wrong usage.

\b
Examples:
  cc first.c $(vapi config --cflags --libs)
  cc first.c $(vapi config --cflags --libs --static)
  PKG_CONFIG_PATH=$(vapi config --pkgconfig-dir) pkg-config --libs vapi
  cmake -B build -Dvapi_DIR=$(vapi config --cmake-dir)
  vapi generate --c gen $(vapi config --apidir)  # without a VPP's API files
"""


@click.command(epilog=EPILOG)
@click.option("--static", is_flag=True, help="With --libs: those for the static library.")
def command(static: bool, **wanted: bool) -> None:
    """Print what it takes to build C and C++ programs with this library.

    Flags come on one line, everything else on lines of its own.
    """
    chosen = [name for name in TEXTS if wanted[name.replace("-", "_")]]
    if not chosen:
        raise click.UsageError(f"expected one of --{', --'.join(TEXTS)}")
    if static and "libs" not in chosen:
        raise click.UsageError("--static goes with --libs")
    known = {"version": __version__, "apidir": str(PACKAGE / "api")}
    if set(chosen) <= known.keys():  # without the library
        click.echo("\n".join(known[name] for name in chosen))
        return
    root = _root()
    include, lib = root / "include", root / "lib"
    libs = [f"-L{lib}", f"-Wl,-rpath,{lib}", "-lvapiclient"]
    if static:
        libs = [str(lib / "libvapiclient.a"), "-pthread"]
    flags = {"cflags": [f"-I{include}"], "libs": libs}
    line = [_escaped(flag) for name in chosen for flag in flags.get(name, ())]
    if line:
        click.echo(" ".join(line))
    places = {
        "includedir": str(include),
        "libdir": str(lib),
        "pkgconfig-dir": str(lib / "pkgconfig"),
        "cmake-dir": str(lib / "cmake" / "vapi"),
    } | known
    for name in chosen:
        if name in places:
            click.echo(places[name])


for _name, _text in reversed(TEXTS.items()):
    command = click.option(f"--{_name}", is_flag=True, help=_text)(command)


def _escaped(flag: str) -> str:
    """As pkg-config does it: for make and eval."""
    return re.sub(r"([^\w@%+=:,./~-])", r"\\\1", flag)


def _root() -> Path:
    """The directory with `include` and `lib`."""
    inside = PACKAGE / "_c"
    if (inside / LIBRARY).exists():
        return inside
    if not (CSRC / "Makefile").exists():
        raise click.ClickException(f"{inside / LIBRARY} is missing: install vapi_cffi again")
    BUILD.mkdir(parents=True, exist_ok=True)
    root = BUILD / "installed"
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current(root / LIBRARY):
            _build(root)
    return root


def _is_current(library: Path) -> bool:
    """True if no source is newer than the library, which is installed last."""
    if not library.exists():
        return False
    times = (path.stat().st_mtime for path in CSRC.rglob("*") if path.is_file())
    return library.stat().st_mtime >= max(times)


def _build(root: Path) -> None:
    click.echo(f"vapi: building the C library in {BUILD}", err=True)
    options = (f"BUILD={BUILD}", f"PREFIX={root}", "DESTDIR=", "LIBDIR=lib", "WHEEL=1")
    # What an outer make was told is not for this one.
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    try:
        done = subprocess.run(
            ["make", "-C", str(CSRC), "install-c", *options],
            env={name: value for name, value in os.environ.items() if name not in outer},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        message = "building the C library needs make: apt-get install make gcc"
        raise click.ClickException(message) from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        first = next((line for line in lines if "error" in line), lines[-1] if lines else "make")
        raise click.ClickException(f"the C library does not build: {first}")
