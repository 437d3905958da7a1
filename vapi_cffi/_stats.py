"""The counters of a context of the C core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._ffi import ffi, lib

#: `vapi_stats_t` of vapi/batch.h describes each.
FIELDS = tuple(name for name, _ in ffi.typeof("vapi_stats_t").fields or ())


def read(ctx: Any) -> Mapping[str, int]:
    """As they are now, by name."""
    stats = ffi.new("vapi_stats_t *")
    lib.vapi_get_stats(ctx, stats)
    return {name: getattr(stats, name) for name in FIELDS}
