"""`VPPApiClient`: vpp_papi's client on a `Connection` of this package."""

from __future__ import annotations

import atexit
import ipaddress
import logging
import queue
import threading
import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from .._errors import VapiError
from .._registry import scope_of_package, scope_of_server
from ._enum_holders import VppEnum
from ._errors import (
    VPPApiError,
    VPPIOError,
    VPPRuntimeError,
    VPPValueError,
    failure,
)
from ._functions import VppApiDynamicMethodHolder, make_asking, make_telling
from ._json_files import VPPApiJSONFiles
from ._known import Known
from ._message import VPPMessage
from ._registry import load, vpp_get_type
from ._structs import VPPType
from .vpp_format import verify_enum_hint
from .vpp_transport_socket import VppTransport

_log = logging.getLogger("vpp_papi")
_log.addHandler(logging.NullHandler())

_END_OF_EVENTS = "terminate event thread"
_EAGAIN = -165
#: A receiver looks this often whether it still should.
_LOOK_SECONDS = 0.5


class VPPApiClient(Known):
    """A client of VPP's API, used as vpp_papi's.

    >>> client = VPPApiClient(server_address="sim:", bootstrapapi=True)     # doctest: +SKIP
    >>> client.connect("example")
    0
    >>> client.api.show_version().version
    'embedded'
    >>> client.disconnect()
    0

    apifiles: `.api.json` files. apidir: a directory of them, or several; a class attribute of that
    name will do. bootstrapapi: none are needed, VPP is asked. testmode: no definitions are no
    error. async_thread: messages that nobody waits for go to the callback; else they stay in
    `message_queue`. read_timeout: seconds, 0 waits for ever. use_socket: means nothing.
    server_address: the path of VPP's socket, or any address of `vapi_cffi.connect`.
    """

    def __init__(
        self,
        *,
        apifiles: Sequence[str] | None = None,
        apidir: str | Sequence[str] | None = None,
        testmode: bool = False,
        async_thread: bool = True,
        logger: Any = None,
        loglevel: Any = None,
        read_timeout: float = 5,
        use_socket: bool = True,
        server_address: Any = "/run/vpp/api.sock",
        bootstrapapi: bool = False,
    ) -> None:
        if logger is None:
            logger = logging.getLogger(f"vpp_papi.vpp_papi.{type(self).__name__}")
            if loglevel is not None:
                logger.setLevel(loglevel)
        self.logger = logger
        self.messages: dict[str, Any] = {}
        self.services: dict[str, Any] = {}
        self.header = VPPType("header", [["u16", "msgid"], ["u32", "client_index"]])
        self.apifiles: list[str] = []
        self.apidir = apidir
        self.event_callback: Any = None
        self.message_queue: queue.Queue[Any] = queue.Queue()
        self.read_timeout = read_timeout
        self.async_thread = async_thread
        self.event_thread: threading.Thread | None = None
        self.testmode = testmode
        self.server_address = server_address
        self._apifiles = apifiles
        self.bootstrapapi = bootstrapapi
        self.ping_numbers: dict[str, int] = {}
        self._calls: dict[str, list[float]] = {}
        #: Whether somebody wants what nobody waits for.
        self.listening = False
        self._receiver: threading.Thread | None = None
        self._by_number: dict[bytes, VPPMessage] | None = None
        self._load(apifiles)
        self.transport = VppTransport(
            self, read_timeout=read_timeout, server_address=server_address
        )
        atexit.register(vpp_atexit, weakref.ref(self))
        add_convenience_methods()

    def _load(self, apifiles: Sequence[str] | None) -> None:
        if self.bootstrapapi:
            api = load(scope_of_package().set, scope_of_package())
            self.messages, self.services = api.messages(), api.services()
            return
        if self.apidir is None:
            self.apidir = getattr(type(self), "apidir", None)
        try:
            self.apifiles, self.messages, self.services = VPPApiJSONFiles.load_api(
                apifiles, self.apidir
            )
        except VPPRuntimeError:
            if not self.testmode:
                raise
        if not self.messages and not self.testmode:
            raise VPPValueError(1, "Missing JSON message definitions")
        family = vpp_get_type("vl_api_address_family_t")
        if family is not None and not verify_enum_hint(family.enum):
            raise VPPRuntimeError("Invalid address family hints. Cannot continue.")

    # ---- life ----------------------------------------------------------------------------------

    def connect(
        self,
        name: str,
        chroot_prefix: str | None = None,
        do_async: bool = False,
        rx_qlen: int = 32,
    ) -> int:
        """Connects; 0. `name`: of this client, for VPP. `do_async`: calls return at once with their
        context, and all answers go to the callback. `chroot_prefix` and `rx_qlen` mean nothing.

        Errors: the OSError of the system, `VPPIOError`.
        """
        return self.connect_internal(name, None, chroot_prefix, rx_qlen, do_async)

    def connect_sync(self, name: str, chroot_prefix: str | None = None, rx_qlen: int = 32) -> int:
        """As `connect` without `do_async`."""
        return self.connect_internal(name, None, chroot_prefix, rx_qlen, do_async=False)

    def connect_internal(
        self,
        name: str,
        msg_handler: Any,
        chroot_prefix: str | None,
        rx_qlen: int,
        do_async: bool,
    ) -> int:
        """What both do."""
        code = self.transport.connect(name, chroot_prefix, msg_handler, rx_qlen, do_async)
        try:
            if self.bootstrapapi:
                self.get_api_definitions()
            self._register_functions(do_async=do_async)
        except BaseException:
            self.transport.disconnect()
            raise
        if self.async_thread:
            self.event_thread = threading.Thread(
                target=self.thread_msg_handler, name="papi-events", daemon=True
            )
            self.event_thread.start()
        else:
            self.event_thread = None
        self._listen()
        return code

    def get_api_definitions(self) -> None:
        """Asks VPP for its API (or the cache, which knows the answer of a VPP with the same
        messages). Errors: `VPPApiError`."""
        try:
            scope = scope_of_server(self.transport.inside())
        except VapiError as error:
            raise VPPApiError(f"Failed to load API definitions from VPP: {error}") from error
        api = load(scope.set, scope)
        self.messages.update(api.messages())
        self.services = {**dict(self.services), **api.services()}

    def _register_functions(self, do_async: bool = False) -> None:
        self.learn_pings()
        self._by_number = None
        make = make_telling if do_async else make_asking
        self._api = VppApiDynamicMethodHolder(self, partial(make, self))

    def disconnect(self) -> int:
        """Leaves VPP; 0. Idempotent."""
        code = self.transport.disconnect()
        receiver, self._receiver = self._receiver, None
        if receiver is not None and receiver is not threading.current_thread():
            receiver.join()
        if self.event_thread is not None:
            self.message_queue.put(_END_OF_EVENTS)
            self.event_thread = None
        return code

    @property
    def message_table(self) -> dict[str, int]:
        """VPP's messages: names with CRC to numbers; none while there is no connection."""
        return self.transport.message_table

    # ---- messages that nobody waits for --------------------------------------------------------

    def register_event_callback(self, callback: Any) -> None:
        """`callback(name, message)` is called, in a thread of its own, for events, and for answers
        that nobody waits for. None: no more."""
        self.event_callback = callback
        self._listen()

    def _listen(self) -> None:
        """Begins to receive what nobody waits for, once somebody wants it."""
        self.listening = (
            self.event_callback is not None or not self.async_thread or self.transport.do_async
        )
        if self._receiver is None and self.listening and self.transport.connected:
            self._receiver = threading.Thread(
                target=_receive,
                args=(weakref.ref(self), self.transport),
                name="papi-receiver",
                daemon=True,
            )
            self._receiver.start()

    def received(self, data: bytes) -> None:
        """A message that nobody waits for."""
        if self.take_event(data) is not False:
            return
        message = self.decode_incoming_msg(data)
        if message is not None:
            self.message_queue.put_nowait(message)

    def take_event(self, data: bytes) -> bool:
        """Gives a message without a context (with `do_async`: any) to the callback; False for all
        others."""
        known = self._numbered().get(data[:2])
        if known is None:
            self.logger.debug("message %d is not known", int.from_bytes(data[:2], "big"))
            return True
        if known.has_context and not self.transport.do_async:
            return False
        self.msg_handler_async(data)
        return True

    def msg_handler_async(self, msg: bytes) -> None:
        """Decodes a message for the callback."""
        decoded = self.decode_incoming_msg(msg)
        callback = self.event_callback
        if decoded is not None and callback is not None:
            callback(type(decoded).__name__, decoded)

    def msg_handler_sync(self, msg: bytes) -> None:
        """Puts a message without a context into the queue. Errors: `VPPIOError` for an answer."""
        decoded = self.decode_incoming_msg(msg)
        if decoded is None:
            return
        if getattr(decoded, "context", 0):
            raise VPPIOError(2, "RPC reply message received in event handler")
        self.message_queue.put_nowait(decoded)

    def read_blocking(self, no_type_conversion: bool = False, timeout: float | None = None) -> Any:
        """The next message with a context that no call waits for, None if none comes in `timeout`
        seconds (None: `read_timeout`)."""
        try:
            data = self.transport.read(timeout=timeout)
        except VapiError as error:
            raise failure(error) from error
        return None if not data else self.decode_incoming_msg(data, no_type_conversion)

    def thread_msg_handler(self) -> None:
        """Gives what is in `message_queue` to the callback, until `disconnect`."""
        while True:
            message = self.message_queue.get()
            if isinstance(message, str):
                return
            callback = self.event_callback
            if callback is not None:
                _guarded(callback, type(message).__name__, message)

    def details_iter(self, f: Any, **kwargs: Any) -> Iterator[Any]:
        """Details of a function with a cursor, however often VPP must be asked for more."""
        cursor = 0
        while True:
            reply, details = f(**{**kwargs, "cursor": cursor})
            yield from details
            if reply.retval != _EAGAIN:
                return
            cursor = reply.cursor

    def __repr__(self) -> str:
        return (
            f"<VPPApiClient apifiles={self._apifiles}, testmode={self.testmode}, "
            f"async_thread={self.async_thread}, logger={self.logger}, "
            f"read_timeout={self.read_timeout}, server_address='{self.server_address}'>"
        )


def _receive(client: weakref.ref[VPPApiClient], transport: VppTransport) -> None:
    """The thread that receives what nobody waits for. It does not keep the client alive."""
    stopped = transport.stopped
    while not stopped.is_set() and transport.hub is not None:
        data = transport.hub.next_for_callback(_LOOK_SECONDS)
        owner = client()
        if owner is None:
            return
        if data is not None:
            try:
                _guarded(owner.received, data)
            finally:
                transport.hub.handled()
        elif transport.connection is None or not transport.connection.is_connected:
            transport.lost = True
            return
        del owner


def _guarded(function: Any, *arguments: Any) -> None:
    """An error of a callback is logged: the next message is not to blame."""
    try:
        function(*arguments)
    except Exception:  # noqa: BLE001  # whatever the program's own code raises
        _log.exception("a message could not be handed over")


def vpp_atexit(vpp_weakref: weakref.ref[VPPApiClient]) -> None:
    """Disconnects a client that is still there and connected: at the end of the process."""
    owner = vpp_weakref()
    if owner is not None and owner.transport.connected:
        _log.debug("Cleaning up VPP on exit")
        owner.disconnect()


def _vapi_af(self: Any) -> Any:
    """The family as the API counts it."""
    return getattr(VppEnum.vl_api_address_family_t, f"ADDRESS_{_vapi_af_name(self).upper()}").value


def _vapi_af_name(self: Any) -> str:
    """`ip4` or `ip6`. Errors: ValueError for what says to be neither."""
    if self.version not in (4, 6):
        raise ValueError(f"Invalid version {self.version} of {self!r}")
    return f"ip{self.version}"


def add_convenience_methods() -> None:
    """Gives addresses, networks and interfaces of `ipaddress` the attributes `vapi_af` and
    `vapi_af_name`."""
    base: Any = ipaddress._IPAddressBase
    base.vapi_af = property(_vapi_af)
    base.vapi_af_name = property(_vapi_af_name)
