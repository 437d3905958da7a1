"""A drop-in for vpp_papi 2.4.2, on this package's client: the same names, many times the speed.

>>> from vapi_cffi import papi as vpp_papi
>>> client = vpp_papi.VPPApiClient(server_address="sim:", bootstrapapi=True)
>>> client.connect("example")
0
>>> client.api.control_ping().retval
0
>>> client.disconnect()
0

Unchanged programs: `python -m vapi_cffi.papi PROGRAM ARGS...`, or `install()` before their imports.
docs/papi.md says what differs.
"""

from __future__ import annotations

from ._install import install, uninstall
from .macaddress import MACAddress, mac_ntop, mac_pton
from .vpp_papi import (
    FuncWrapper,
    VPPApiClient,
    VppApiDynamicMethodHolder,
    VPPApiJSONFiles,
    VppEnum,
    VppEnumFlag,
    VppEnumType,
    VPPIOError,
    VPPRuntimeError,
    VPPValueError,
)
from .vpp_serializer import (
    BaseTypes,
    VPPEnumType,
    VPPMessage,
    VPPType,
    VPPTypeAlias,
    VPPUnionType,
)

#: Of the vpp_papi that this stands for.
__version__ = "2.4.2"

__all__ = (
    "BaseTypes",
    "FuncWrapper",
    "MACAddress",
    "VPPApiClient",
    "VPPApiJSONFiles",
    "VPPEnumType",
    "VPPIOError",
    "VPPMessage",
    "VPPRuntimeError",
    "VPPType",
    "VPPTypeAlias",
    "VPPUnionType",
    "VPPValueError",
    "VppApiDynamicMethodHolder",
    "VppEnum",
    "VppEnumFlag",
    "VppEnumType",
    "__version__",
    "install",
    "mac_ntop",
    "mac_pton",
    "uninstall",
)
