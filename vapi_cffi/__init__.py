"""vapi_cffi: VPP's binary API from Python at the speed of C.

>>> import vapi_cffi
>>> with vapi_cffi.Connection("sim:") as connection:                    # doctest: +SKIP
...     ping = connection.find("control_ping_51077d14")
...     reply = connection.call(ping.to_bytes(2, "big") + bytes(8))
"""

from __future__ import annotations

from ._address import TRANSPORTS, Address, Transport
from ._buffers import Buffer, Message
from ._calling import LOST, PumpResult
from ._config import ConnectOptions
from ._connection import Connection
from ._errors import (
    AccessDenied,
    ApiError,
    BadMessage,
    ConnectFailed,
    ConnectionLost,
    Forked,
    Incompatible,
    InvalidArgument,
    MapFailed,
    MessageReleased,
    MessageUnavailable,
    MisuseError,
    MutexFailure,
    NoResponse,
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
from ._table import MessageTable
from ._version import __version__

__all__ = [
    "LOST",
    "TRANSPORTS",
    "AccessDenied",
    "Address",
    "ApiError",
    "BadMessage",
    "Buffer",
    "ConnectFailed",
    "ConnectOptions",
    "Connection",
    "ConnectionLost",
    "Forked",
    "Incompatible",
    "InvalidArgument",
    "MapFailed",
    "Message",
    "MessageReleased",
    "MessageTable",
    "MessageUnavailable",
    "MisuseError",
    "MutexFailure",
    "NoResponse",
    "NoSuchPath",
    "NotASocket",
    "NotConnected",
    "NotSupported",
    "OutOfMemory",
    "ProtocolError",
    "PumpResult",
    "SocketFailure",
    "Timeout",
    "Transport",
    "TransportError",
    "UserBreak",
    "VapiError",
    "WouldBlock",
    "__version__",
]

# Tracebacks and help() name what programs import.
for _name in __all__:
    _item = globals()[_name]
    if isinstance(_item, type):
        _item.__module__ = __name__
del _name, _item
