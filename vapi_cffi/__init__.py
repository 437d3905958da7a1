"""vapi_cffi: VPP's binary API from Python at the speed of C."""

from __future__ import annotations

from ._version import __version__

__all__ = ["__version__"]
