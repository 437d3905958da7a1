"""What vpp_papi has in its module of the same name."""

from __future__ import annotations

import logging

from ._client import VPPApiClient, add_convenience_methods, vpp_atexit
from ._enum_holders import VppEnum, VppEnumFlag, VppEnumType
from ._errors import (
    VPPApiError,
    VPPIOError,
    VPPNotImplementedError,
    VPPRuntimeError,
    VPPValueError,
)
from ._functions import FuncWrapper, VppApiDynamicMethodHolder
from ._json_files import VPPApiJSONFiles
from ._registry import vpp_get_type
from .vpp_format import verify_enum_hint
from .vpp_transport_socket import VppTransport

logger = logging.getLogger("vpp_papi")

__all__ = (
    "FuncWrapper",
    "VPPApiClient",
    "VPPApiError",
    "VPPApiJSONFiles",
    "VPPIOError",
    "VPPNotImplementedError",
    "VPPRuntimeError",
    "VPPValueError",
    "VppApiDynamicMethodHolder",
    "VppEnum",
    "VppEnumFlag",
    "VppEnumType",
    "VppTransport",
    "add_convenience_methods",
    "logger",
    "verify_enum_hint",
    "vpp_atexit",
    "vpp_get_type",
)
