"""The exceptions of vpp_papi, with what they inherit there."""

from __future__ import annotations

import struct


class VPPApiError(Exception):
    """Not connected, or VPP could not hand out its API."""


class VPPNotImplementedError(NotImplementedError):
    """Kept for programs that name it; nothing raises it."""


class VPPIOError(OSError):
    """No answer: VPP is gone, or slow."""


class VPPRuntimeError(RuntimeError):
    """The definitions of the API cannot be found or used."""


class VPPValueError(ValueError):
    """An argument that the message does not have, or definitions that lack something."""


class VPPSerializerValueError(ValueError):
    """A value that does not fit its field, or bytes that are not the message they should be."""


class TornMessage(VPPSerializerValueError, struct.error):
    """Bytes that end before the message does: vpp_papi raises either, by where that is."""


class VppTransportSocketIOError(OSError):
    """The way to VPP: not connected, or lost while sending."""
