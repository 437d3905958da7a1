"""What is compiled into `vapi_cffi._native`: the C core, the embedded peer, and the way to both.

Run by setuptools (`cffi_modules` in setup.py); imports nothing of the package, as it is not built
yet.
"""

from __future__ import annotations

import os
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
CDEF = ROOT / "vapi_cffi" / "cdef"
CSRC = ROOT / "csrc"

#: Slices of declarations, each named as the header it mirrors. Order matters: types come first.
#: There is no slice of callbacks: C never calls Python. Callbacks of the program are called by
#: Python loops that receive, so no handle can dangle, and an exception simply leaves the loop.
SLICES = ("common.h", "vapi.h", "batch.h", "peer.h", "address_text.h")

PREAMBLE = """
#include <vapi/vapi.h>
#include <vapi/batch.h>
#include <vapi/vapi_internal.h>
#include "peer.h"
#include "address_text.h"
"""

FLAGS = ["-std=c11", "-O2", "-D_GNU_SOURCE", "-fvisibility=hidden", "-Wall", "-Wextra"]
#: The C that cffi writes is not ours to clean; our own files are held to more by `make sanitize`.
QUIET = ["-Wno-unused-parameter", "-Wno-missing-field-initializers"]


def _paths(*patterns: str) -> list[str]:
    """Sources relative to the root, as setuptools wants them, in a stable order."""
    return sorted(str(path.relative_to(ROOT)) for p in patterns for path in CSRC.glob(p))


def build() -> FFI:
    """The description of the module, for setuptools and for `ffibuilder.compile()`."""
    ffi = FFI()
    for name in SLICES:
        ffi.cdef((CDEF / name).read_text(encoding="utf-8"))
    werror = ["-Werror"] if os.environ.get("VAPI_CFFI_WERROR") == "1" else []
    ffi.set_source(
        "vapi_cffi._native",
        PREAMBLE,
        sources=_paths("*.c"),
        # Without these a touched header would rebuild nothing.
        depends=_paths("*.h", "include/**/*.h")
        + [str((CDEF / name).relative_to(ROOT)) for name in SLICES],
        include_dirs=["csrc", "csrc/include"],
        extra_compile_args=[*FLAGS, *QUIET, *werror],
        libraries=["pthread"],
        py_limited_api=True,
    )
    return ffi


ffibuilder = build()
