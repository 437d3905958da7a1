"""The exceptions of vpp_papi, with what they inherit there."""

from __future__ import annotations

import struct

from .._errors import ConnectionLost, InvalidArgument, NoResponse, NotConnected, Timeout, VapiError

_READ_FAILED = "VPP API client: read failed"


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


def failure(error: VapiError) -> Exception:
    """What programs of vpp_papi expect instead."""
    if isinstance(error, Timeout | NoResponse | ConnectionLost):
        return VPPIOError(2, _READ_FAILED)
    if isinstance(error, NotConnected):
        return VppTransportSocketIOError(1, "Not connected")
    if isinstance(error, InvalidArgument):
        return VppTransportSocketIOError(1, f"Sendall error: {error}")
    return VPPIOError(2, str(error))
