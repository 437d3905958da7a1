"""vapi_cffi: VPP's binary API from Python at the speed of C.

>>> import vapi_cffi
>>> with vapi_cffi.connect("sim:") as client:                           # doctest: +SKIP
...     print(client.api.show_version().version)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ._address import TRANSPORTS, Address, Transport
from ._addresses import MACAddress
from ._buffers import Buffer, Message
from ._calling import LOST, PumpResult
from ._client import Client, connect
from ._codec import decode, encode
from ._config import ConnectOptions
from ._connection import Connection
from ._dump import Dump, Stream
from ._enums import ApiEnum, ApiFlag
from ._errors import (
    AccessDenied,
    ApiError,
    BadMessage,
    ConnectFailed,
    ConnectionLost,
    DefinitionError,
    Forked,
    Incompatible,
    InvalidArgument,
    MapFailed,
    MessageReleased,
    MessageUnavailable,
    MisuseError,
    MutexFailure,
    NoResponse,
    NoSuchMessage,
    NoSuchPath,
    NotASocket,
    NotConnected,
    NotSupported,
    OutOfMemory,
    ProtocolError,
    SocketFailure,
    Timeout,
    TransportError,
    UserBreak,
    VapiError,
    WouldBlock,
)
from ._events import Events, Listener
from ._table import MessageTable
from ._values import ApiMessage, ApiUnion, ApiValue, to_dict
from ._version import __version__

__all__ = [
    "LOST",
    "TRANSPORTS",
    "AccessDenied",
    "Address",
    "ApiEnum",
    "ApiError",
    "ApiFlag",
    "ApiMessage",
    "ApiUnion",
    "ApiValue",
    "BadMessage",
    "Buffer",
    "Client",
    "ConnectFailed",
    "ConnectOptions",
    "Connection",
    "ConnectionLost",
    "DefinitionError",
    "Dump",
    "Events",
    "Forked",
    "Incompatible",
    "InvalidArgument",
    "Listener",
    "MACAddress",
    "MapFailed",
    "Message",
    "MessageReleased",
    "MessageTable",
    "MessageUnavailable",
    "MisuseError",
    "MutexFailure",
    "NoResponse",
    "NoSuchMessage",
    "NoSuchPath",
    "NotASocket",
    "NotConnected",
    "NotSupported",
    "OutOfMemory",
    "ProtocolError",
    "PumpResult",
    "SocketFailure",
    "Stream",
    "Timeout",
    "Transport",
    "TransportError",
    "UserBreak",
    "VapiError",
    "WouldBlock",
    "__version__",
    "connect",
    "decode",
    "encode",
    "to_dict",
]

#: Modules that are imported when first looked at.
_LAZY = frozenset({"callback", "objects"})


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Tracebacks and help() name what programs import.
for _name in __all__:
    _item = globals()[_name]
    if isinstance(_item, type) or callable(_item):
        _item.__module__ = __name__
del _name, _item
