"""vapi_cffi: VPP's binary API from Python at the speed of C.

>>> import vapi_cffi
>>> with vapi_cffi.connect("sim:") as client:                           # doctest: +SKIP
...     print(client.api.show_version().version)
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from ._address import TRANSPORTS, Address, Transport
    from ._addresses import MACAddress
    from ._buffers import Buffer, Message
    from ._bulk import BulkInterrupted, BulkResult, Failure
    from ._calling import LOST, PumpResult
    from ._client import Client, connect
    from ._codec import decode, encode
    from ._columns import Columns, Nested
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
    from ._pipeline import Pipeline, PipelinedCall
    from ._table import MessageTable
    from ._values import ApiMessage, ApiUnion, ApiValue, to_dict

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
    "BulkInterrupted",
    "BulkResult",
    "Client",
    "Columns",
    "ConnectFailed",
    "ConnectOptions",
    "Connection",
    "ConnectionLost",
    "DefinitionError",
    "Dump",
    "Events",
    "Failure",
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
    "Nested",
    "NoResponse",
    "NoSuchMessage",
    "NoSuchPath",
    "NotASocket",
    "NotConnected",
    "NotSupported",
    "OutOfMemory",
    "Pipeline",
    "PipelinedCall",
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

#: The modules of all these names: each is imported when one of its names is first used, so that
#: `vapi --help`, and a program that only wants the errors, do not wait for the others.
_HOMES = {
    "_address": (
        "TRANSPORTS",
        "Address",
        "Transport",
    ),
    "_addresses": ("MACAddress",),
    "_buffers": (
        "Buffer",
        "Message",
    ),
    "_bulk": (
        "BulkInterrupted",
        "BulkResult",
        "Failure",
    ),
    "_calling": (
        "LOST",
        "PumpResult",
    ),
    "_client": (
        "Client",
        "connect",
    ),
    "_codec": (
        "decode",
        "encode",
    ),
    "_columns": (
        "Columns",
        "Nested",
    ),
    "_config": ("ConnectOptions",),
    "_connection": ("Connection",),
    "_dump": (
        "Dump",
        "Stream",
    ),
    "_enums": (
        "ApiEnum",
        "ApiFlag",
    ),
    "_errors": (
        "AccessDenied",
        "ApiError",
        "BadMessage",
        "ConnectFailed",
        "ConnectionLost",
        "DefinitionError",
        "Forked",
        "Incompatible",
        "InvalidArgument",
        "MapFailed",
        "MessageReleased",
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
        "SocketFailure",
        "Timeout",
        "TransportError",
        "UserBreak",
        "VapiError",
        "WouldBlock",
    ),
    "_events": (
        "Events",
        "Listener",
    ),
    "_pipeline": (
        "Pipeline",
        "PipelinedCall",
    ),
    "_table": ("MessageTable",),
    "_values": (
        "ApiMessage",
        "ApiUnion",
        "ApiValue",
        "to_dict",
    ),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}


#: Modules that are imported when first looked at.
_LAZY = frozenset({"aio", "callback", "objects"})


def __getattr__(name: str) -> Any:
    """A public name, or a module of this package, when it is first asked for."""
    module = _MODULE_OF.get(name)
    if module is None:
        if name in _LAZY or (name.startswith("_") and not name.startswith("__")):
            try:
                return import_module(f"{__name__}.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"{__name__}.{name}":
                    raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_module(f".{module}", __name__)
    for loaded in _HOMES:
        home = sys.modules.get(f"{__name__}.{loaded}")
        if home is not None:
            _adopt(home, _HOMES[loaded])
    return globals()[name]


def _adopt(home: ModuleType, names: tuple[str, ...]) -> None:
    """Names of a module that has been imported: tracebacks and help() name what programs import."""
    if names[0] in globals():
        return
    for name in names:
        item = getattr(home, name)
        if isinstance(item, type) or callable(item):
            item.__module__ = __name__
        globals()[name] = item


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
