"""Every exception of the package, and the one place where a code of the C core becomes one.

    VapiError
    +-- TransportError                the way to VPP
    |   +-- ConnectFailed             (ConnectionError) no connection came about
    |   |   +-- NoSuchPath            (FileNotFoundError) nothing there: no socket, no region
    |   |   +-- NotASocket            the path is something else
    |   |   +-- AccessDenied          (PermissionError)
    |   |   +-- MapFailed             the shared memory cannot be mapped, or is not VPP's
    |   |   +-- Incompatible          what answers is no VPP, or one of another age
    |   +-- ConnectionLost            (ConnectionResetError) there was one; VPP is gone
    |   +-- SocketFailure             (OSError) any other failure of the socket
    |   +-- MutexFailure              a lock in shared memory is beyond repair
    +-- Timeout                       (TimeoutError) the deadline passed
    +-- WouldBlock                    (BlockingIOError) not now, without waiting
    +-- OutOfMemory                   (MemoryError)
    +-- ProtocolError                 VPP and this program disagree about a message
    |   +-- MessageUnavailable        (LookupError) VPP has no such message, or another layout of it
    |   |   +-- NoSuchMessage         (AttributeError) the same, of client.api.NAME
    |   +-- DefinitionError           the description of a message is damaged
    |   +-- NoResponse                VPP answered a later request: this one has no answer
    |   +-- BadMessage                (ValueError) bytes that are not the message they should be
    +-- ApiError                      VPP understood, and said no: a negative retval
    +-- MisuseError                   this program's mistake
        +-- InvalidArgument           (ValueError)
        +-- NotConnected              before connect(), or after disconnect()
        |   +-- Forked                a child touched the connection of its parent
        +-- MessageReleased           (ValueError) a message was used after its memory went back
        +-- NotSupported              not in this mode, or not on this transport
        +-- UserBreak                 a callback asked to stop

Each has `code` (as the C API counts, 0 if it did not come from there) and `os_errno` (0 if the
system was not the reason). Those that inherit an OSError also have its `errno`.
"""

from __future__ import annotations

import errno as _errno
import os
from typing import Any

from ._ffi import ffi, lib


class VapiError(Exception):
    """The root of all errors of this package.

    >>> try:
    ...     raise WouldBlock("nothing there")
    ... except VapiError as error:
    ...     str(error), isinstance(error, BlockingIOError)
    ('nothing there', True)
    """

    #: What became of the rows until then, of an error that ended `Client.bulk`.
    result: Any = None

    def __init__(self, text: str = "", *, code: int = 0, os_errno: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.os_errno = os_errno
        this: Any = self
        if os_errno and isinstance(this, OSError):
            this.errno = os_errno
            this.strerror = os.strerror(os_errno)

    def __str__(self) -> str:
        return self.text or self.__class__.__name__

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.__class__, self.text, self.code, self.os_errno))


def _rebuild(cls: type[VapiError], text: str, code: int, os_errno: int) -> VapiError:
    """For pickle: errors cross process borders in test runners and executors."""
    return cls(text, code=code, os_errno=os_errno)


class TransportError(VapiError):
    """The way to VPP failed."""


class ConnectFailed(TransportError, ConnectionError):
    """No connection came about."""


class NoSuchPath(ConnectFailed, FileNotFoundError):
    """Nothing is at that path: VPP does not run, or elsewhere."""


class NotASocket(ConnectFailed):
    """The path leads to something that is not a socket."""


class AccessDenied(ConnectFailed, PermissionError):
    """The socket or region belongs to somebody else: join its group."""


class MapFailed(ConnectFailed):
    """The shared memory cannot be opened or mapped, or is not VPP's."""


class Incompatible(ConnectFailed):
    """What answers is no VPP, or lacks what every VPP has."""


class ConnectionLost(TransportError, ConnectionResetError):
    """VPP is gone: it ended, was killed, or was started again."""


class SocketFailure(TransportError, OSError):
    """Any other failure of the socket; `errno` says which."""


class MutexFailure(TransportError):
    """A lock in shared memory is beyond repair."""


class Timeout(VapiError, TimeoutError):
    """The deadline passed."""


class WouldBlock(VapiError, BlockingIOError):
    """It cannot be done now without waiting; nothing happened, try again later."""


class OutOfMemory(VapiError, MemoryError):
    """No memory, or no room for a message of that size."""


class ProtocolError(VapiError):
    """VPP and this program disagree about a message."""


class MessageUnavailable(ProtocolError, LookupError):
    """VPP has no such message, or has it with another layout (CRC)."""


class NoSuchMessage(MessageUnavailable, AttributeError):
    """client.api has no such message; the text says why."""


class DefinitionError(ProtocolError):
    """A definition that makes no sense: its JSON is damaged, or was made by hand."""


class NoResponse(ProtocolError):
    """VPP answered a later request, so this one has no answer."""


class BadMessage(ProtocolError, ValueError):
    """Bytes that are not the message they should be."""


class ApiError(VapiError):
    """VPP understood the request and said no: `retval` is negative.

    `symbol` is VPP's name of the retval ("INVALID_SW_IF_INDEX"), `message` that of the request,
    `reply` the whole answer where there is one.
    """

    def __init__(
        self, text: str = "", *, code: int = 0, os_errno: int = 0, retval: int = 0
    ) -> None:
        super().__init__(text, code=code, os_errno=os_errno)
        self.retval = retval
        self.symbol = ""
        self.message = ""
        self.reply: Any = None

    def __reduce__(self) -> tuple[object, ...]:
        state = self.__dict__ | {"reply": None}  # whose class may exist in this process only
        return (_rebuild, (self.__class__, self.text, self.code, self.os_errno), state)


class MisuseError(VapiError):
    """This program's mistake."""


class InvalidArgument(MisuseError, ValueError):
    """An argument is wrong; the text names it and its value."""


class NotConnected(MisuseError):
    """The connection was never made, or has been closed."""


class Forked(NotConnected):
    """A child process touched the connection of its parent; connect anew instead."""


class MessageReleased(MisuseError, ValueError):
    """A message was used after its memory went back to VPP."""


class NotSupported(MisuseError):
    """Not in this mode, or not on this transport."""


class UserBreak(MisuseError):
    """A callback asked dispatch to stop."""


_BY_CODE: dict[int, type[VapiError]] = {
    lib.VAPI_EINVAL: InvalidArgument,
    lib.VAPI_EAGAIN: WouldBlock,
    lib.VAPI_ENOTSUP: NotSupported,
    lib.VAPI_ENOMEM: OutOfMemory,
    lib.VAPI_ENORESP: NoResponse,
    lib.VAPI_EMAP_FAIL: MapFailed,
    lib.VAPI_ECON_FAIL: ConnectFailed,
    lib.VAPI_EINCOMPATIBLE: Incompatible,
    lib.VAPI_MUTEX_FAILURE: MutexFailure,
    lib.VAPI_EUSER: UserBreak,
    lib.VAPI_ENOTSOCK: NotASocket,
    lib.VAPI_EACCES: AccessDenied,
    lib.VAPI_ECONNRESET: ConnectionLost,
    lib.VAPI_ESOCK_FAILURE: SocketFailure,
}

#: Failures of the system that have a better class than their code, while connecting.
_BY_ERRNO: dict[int, type[VapiError]] = {
    _errno.ENOENT: NoSuchPath,
    _errno.ENOTDIR: NoSuchPath,
    _errno.ENOTSOCK: NotASocket,
    _errno.EACCES: AccessDenied,
    _errno.EPERM: AccessDenied,
    _errno.ETIMEDOUT: Timeout,
}
_CONNECT_CODES = frozenset(
    (lib.VAPI_EMAP_FAIL, lib.VAPI_ECON_FAIL, lib.VAPI_ESOCK_FAILURE, lib.VAPI_EACCES)
)


def code_name(code: int) -> str:
    """The C API's name of a code: `code_name(2)` is `"VAPI_EAGAIN"`."""
    name: bytes = ffi.string(lib.vapi_error_name(code))
    return name.decode("ascii")


def error_for(
    code: int, ctx: object = None, prefix: str = "", *, connecting: bool = False
) -> VapiError:
    """The exception for a code of the C API, with the sentence that the context keeps about it.

    `ctx` is the context that failed (None: no sentence), `prefix` says what was tried.
    `connecting`: that there is no connection is no mistake. Must run in the thread that made the
    failing call, before its next one.
    """
    text, os_errno = "", 0
    if ctx is not None:
        text = ffi.string(lib.vapi_error_text(ctx)).decode("utf-8", "replace")
        os_errno = lib.vapi_error_os_errno(ctx)
    cls = _BY_CODE.get(code, VapiError)
    if code in _CONNECT_CODES:
        cls = _BY_ERRNO.get(os_errno, cls)
    elif code == lib.VAPI_EINVAL and not (connecting or ctx is None or lib.vapi_is_connected(ctx)):
        cls = NotConnected
    text = text or code_name(code)
    return cls(f"{prefix}: {text}" if prefix else text, code=code, os_errno=os_errno)


def check(code: int, ctx: object = None, prefix: str = "") -> None:
    """Raises what a code other than VAPI_OK means; see `error_for`."""
    if code != 0:
        raise error_for(code, ctx, prefix)
