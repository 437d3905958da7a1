"""`python -m vapi_cffi.papi PROGRAM ARGS...`: runs a program with `import vpp_papi` redirected.

PROGRAM is a file, or a console script on the PATH (run in this Python). Also `-m MODULE ARGS...`
and `-c CODE ARGS...`, as Python takes them.
"""

from __future__ import annotations

import builtins
import os
import runpy
import shutil
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from ._install import install, our_name

_USAGE = "usage: python -m vapi_cffi.papi PROGRAM ARGS... | -m MODULE ARGS... | -c CODE ARGS..."


def main(arguments: list[str]) -> None:
    """Runs the program in this process."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"{_USAGE}\n\n{__doc__}")
        sys.exit(0 if arguments else 2)
    install()
    first, rest = arguments[0], arguments[1:]
    if first in ("-m", "-c"):
        if not rest:
            _refuse(f"{first} needs something to run")
        sys.argv = [first, *rest[1:]]
        sys.path[0] = os.getcwd() if first == "-m" else ""
        if first == "-m":
            runpy.run_module(our_name(rest[0]) or rest[0], run_name="__main__", alter_sys=True)
        else:
            exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
        return
    program = _find(first)
    sys.argv = [str(program), *rest]
    if program.is_dir() or zipfile.is_zipfile(program):
        runpy.run_path(str(program), run_name="__main__")
    else:
        sys.path[0] = str(program.resolve().parent)
        _run_file(os.path.abspath(program))


def _run_file(path: str) -> None:
    """As `python PATH` does it: the program is `__main__`, also for its threads, its pickles, and
    what it does at exit."""
    module = ModuleType("__main__")
    module.__file__ = path
    module.__dict__.update(__builtins__=builtins, __cached__=None, __annotations__={})
    sys.modules["__main__"] = module
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    exec(code, module.__dict__)


def _find(name: str) -> Path:
    """A file, or a script beside this Python or on the PATH."""
    path = Path(name)
    if not path.exists():
        near = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
        if near is None:
            _refuse(f"{name}: no such file, and no such command")
        path = Path(near)
    if path.is_file():
        with path.open("rb") as file:
            begin = file.read(512)
        if b"\0" in begin or (begin.startswith(b"#!") and b"python" not in begin):
            _refuse(f"{path} is not a Python program")
    return path


def _refuse(why: str) -> NoReturn:
    print(f"{why}\n{_USAGE}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
