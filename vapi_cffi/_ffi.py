"""The only import of the compiled module."""

from __future__ import annotations

try:
    from ._native import ffi, lib
except ImportError as error:
    if error.name != "vapi_cffi._native":
        raise
    raise ImportError(
        "vapi_cffi is not built: run `pip install -e .` (or `make install-dev`) in its checkout",
        name=error.name,
    ) from error

__all__ = ["ffi", "lib"]
