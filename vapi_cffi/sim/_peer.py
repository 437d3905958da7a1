"""The peer in this process."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vapi_cffi.generator.model import Message

from .._ffi import ffi, lib
from ._definitions import Definitions, tail_of
from ._faults import Faults
from ._request import UNSPECIFIED, Handler, Request, encode
from ._spawned import SpawnedPeer

log = logging.getLogger("vapi_cffi.sim")

ALL_CLIENTS: int = lib.PEER_ALL_CLIENTS
SUBSCRIBERS: int = lib.PEER_SUBSCRIBERS

_BATCH = 64
#: How long the handlers' thread stays in C before it looks whether it is still wanted.
_POLL_NS = 100_000_000
_TRANSPORTS = ("socket", "memfd", "shm")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class ClientInfo:
    """Somebody who is connected."""

    client_id: int
    name: str
    pid: int
    transport: str


class Peer:
    """Serves from `start()` (or `with`) until `stop()`.

    `socket_path`, `shm_prefix`: made up unless given. `transports`: what to offer; memfd clients
    come by the socket. `api`: `.api` and `.api.json` files or directories beside our own
    definitions. `options`: members of peer_options_t (csrc/peer.h) by name.
    """

    def __init__(
        self,
        socket_path: str | None = None,
        shm_prefix: str | None = None,
        *,
        api: Sequence[str | Path] = (),
        transports: Sequence[str] = ("socket", "shm"),
        definitions: Definitions | None = None,
        **options: int | float | str | bool,
    ) -> None:
        self._folder: str | None = None
        if "socket" in transports and socket_path is None:
            self._folder = tempfile.mkdtemp(prefix="vapi-")
            socket_path = str(Path(self._folder, "api.sock"))
        if "shm" in transports and shm_prefix is None:
            shm_prefix = f"vapi-{os.getpid()}-{next(_numbers)}"
        self.socket_path = socket_path if "socket" in transports else None
        self.shm_prefix = shm_prefix if "shm" in transports else None
        self.definitions = definitions or Definitions.load(api)
        self.faults = Faults(self)
        self.handler_errors: list[BaseException] = []
        self._handlers: dict[int, Handler] = {}
        self._thread: threading.Thread | None = None
        self._handle: Any = self._alloc(options)
        self._add_definitions()

    @classmethod
    def spawn(
        cls,
        socket_path: str | None = None,
        shm_prefix: str | None = None,
        *,
        api: Sequence[str | Path] = (),
        **options: int | float | str | bool,
    ) -> SpawnedPeer:
        """A peer in a process of its own, running when this returns."""
        return SpawnedPeer(socket_path, shm_prefix, api=api, **options).start()

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Creates the socket and the regions and serves. `OSError` when that fails."""
        self.check(lib.peer_start(self.handle), "start")
        self._watch_handlers()
        return self

    def stop(self) -> None:
        """Ends all clients and removes what `start()` made. Idempotent; may be started again."""
        if self._handle is None:
            return
        lib.peer_stop(self._handle)
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """Stops and frees; nothing can be called after it. Idempotent."""
        self.stop()
        handle, self._handle = self._handle, None
        if handle is not None:
            lib.peer_free(handle)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def restart(self) -> None:
        """As VPP killed and started anew: all clients lost, an empty network."""
        self.check(lib.peer_restart(self.handle), "restart")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if kind is None and self.handler_errors:
            raise self.handler_errors[0]

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()

    def __repr__(self) -> str:
        state = "running" if self.is_running else "stopped"
        return f"<Peer {self.socket_path or ''} shm:{self.shm_prefix or ''} {state}>"

    @property
    def is_running(self) -> bool:
        """Whether it serves."""
        return self._handle is not None and bool(lib.peer_is_running(self._handle))

    @property
    def handle(self) -> Any:
        """The peer_t. ValueError once closed."""
        if self._handle is None:
            raise ValueError("the peer is closed")
        return self._handle

    def address(self, transport: str = "socket") -> str:
        """What to connect to."""
        if transport == "shm" and self.shm_prefix is not None:
            return f"shm:{self.shm_prefix}"
        if transport != "shm" and self.socket_path is not None:
            return f"unix:{self.socket_path}"
        raise ValueError(f"this peer does not offer {transport!r}")

    # -- messages ---------------------------------------------------------------------------------

    def msg_id(self, name: str) -> int:
        """The number of a message, by name or name and CRC. KeyError if there is none."""
        msg_id = int(lib.peer_msg_id(self.handle, name.encode()))
        if msg_id == 0:
            raise KeyError(f"the peer has no message {name!r}")
        return msg_id

    def on(self, name: str) -> Callable[[Handler], Handler]:
        """Decorator: this function answers requests of that name.

        It gets a `Request` and returns a retval, one message, several, or None for no answer. The
        client's next request waits for it (`handler_timeout_ns`). What it raises is kept in
        `handler_errors`, raised at the end of `with`, and answered with retval -1.
        """
        msg_id = self.msg_id(name)

        def register(handler: Handler) -> Handler:
            self._handlers[msg_id] = handler
            self.check(lib.peer_set_handled(self.handle, msg_id, 1), name)
            self._watch_handlers()
            return handler

        return register

    def off(self, name: str) -> None:
        """The peer answers by itself again."""
        msg_id = self.msg_id(name)
        self.check(lib.peer_set_handled(self.handle, msg_id, 0), name)

    def encode(self, name: str, *, tail: bytes = b"", **fields: int | bytes | str) -> bytes:
        """The bytes of a message: top-level fields by name, zeros elsewhere."""
        message = self.definitions.message(name)
        return encode(message, self.msg_id(message.name_crc), fields, tail)

    def send(self, client_id: int, data: bytes, count: int = 1) -> None:
        """Sends a message (its id first) to a client, `ALL_CLIENTS` or `SUBSCRIBERS`."""
        self.check(lib.peer_send(self.handle, client_id, data, len(data), count), "send")

    def event(
        self,
        name: str,
        *,
        to: int = SUBSCRIBERS,
        count: int = 1,
        tail: bytes = b"",
        **fields: int | bytes | str,
    ) -> None:
        """Sends an event, by default to those who asked for interface events."""
        self.send(to, self.encode(name, tail=tail, **fields), count)

    def disconnect(self, client_id: int) -> None:
        """Ends a client."""
        self.check(lib.peer_disconnect(self.handle, client_id), "disconnect")

    def flush(self, timeout: float = 10.0) -> None:
        """Waits until what was sent before is on its way. `OSError` (ETIMEDOUT) when it is not."""
        self.check(lib.peer_flush(self.handle, int(timeout * 1e9)), "flush")

    # -- looking in -------------------------------------------------------------------------------

    @property
    def stats(self) -> dict[str, int]:
        """Counters, named as in peer_stats_t."""
        stats = ffi.new("peer_stats_t *")
        lib.peer_stats(self.handle, stats)
        return {name: int(getattr(stats, name)) for name, _ in ffi.typeof("peer_stats_t").fields}

    @property
    def clients(self) -> list[ClientInfo]:
        """Who is connected now."""
        room = 64
        while True:
            array = ffi.new("peer_client_info_t[]", room)
            count = lib.peer_clients(self.handle, array, room)
            if count <= room:
                break
            room = count + 16
        return [
            ClientInfo(
                int(array[i].client_id),
                ffi.string(array[i].name).decode(errors="replace"),
                int(array[i].pid),
                _TRANSPORTS[array[i].transport],
            )
            for i in range(count)
        ]

    def record(self, max_bytes: int = 64 << 20) -> None:
        """Keeps copies of the requests that come; 0 ends it."""
        lib.peer_record(self.handle, max_bytes)

    def recorded(self) -> list[Request]:
        """Takes the recorded requests, oldest first."""
        array = ffi.new("peer_request_t[]", _BATCH)
        requests: list[Request] = []
        while (count := lib.peer_recorded(self.handle, array, _BATCH)) > 0:
            requests += [self._request(array[i]) for i in range(count)]
            lib.peer_release(array, count)
        return requests

    # -- inside -----------------------------------------------------------------------------------

    def check(self, rv: int, what: str) -> int:
        """A count, or OSError for a negative errno, with the peer's own words if it has some."""
        if rv >= 0:
            return rv
        text = ffi.string(lib.peer_error(self.handle)).decode(errors="replace")
        raise OSError(-rv, text or f"{what}: {os.strerror(-rv)}")

    def _alloc(self, options: dict[str, int | float | str | bool]) -> Any:
        raw = ffi.new("peer_options_t *")
        lib.peer_options_init(raw)
        keep = []
        texts: dict[str, Any] = {"socket_path": self.socket_path, "shm_prefix": self.shm_prefix}
        for name, value in (options | texts).items():
            if value is None:
                continue
            if isinstance(value, str):
                keep.append(ffi.new("char[]", value.encode()))
                setattr(raw, name, keep[-1])
            else:
                setattr(raw, name, int(value))
        handle = lib.peer_alloc(raw)
        if handle == ffi.NULL:
            raise ValueError(f"the peer refuses these options: {options}")
        return handle

    def _add_definitions(self) -> None:
        for item, messages in self.definitions.modules():
            name = f"{item.module}_{item.crc:08x}".encode()
            self.check(lib.peer_add_module(self.handle, name, *item.version), item.module)
            for message in messages:
                self._add_message(message)
        text = self.definitions.json_text
        self.check(lib.peer_set_api_json(self.handle, text, len(text)), "get_api_json")

    def _add_message(self, message: Message) -> None:
        tail = tail_of(message)
        reply = self.definitions.reply_of(message)
        name = ffi.new("char[]", message.name_crc.encode())
        reply_name = ffi.NULL
        if reply is not None and reply.context_offset == 2:
            reply_name = ffi.new("char[]", reply.name_crc.encode())
        raw = ffi.new(
            "peer_message_t *",
            {
                "name_crc": name,
                "fixed_bytes": message.size,
                "tail_kind": tail.kind,
                "tail_count_offset": tail.count_offset,
                "tail_count_width": tail.count_width,
                "tail_element_bytes": tail.element_bytes,
                "context_offset": message.context_offset or 0,
                "reply_name_crc": reply_name,
                "reply_bytes": 0 if reply is None else reply.size,
            },
        )
        self.check(lib.peer_add_message(self.handle, raw), message.name)

    def _request(self, raw: Any) -> Request:
        name = ffi.string(lib.peer_msg_name(self.handle, raw.msg_id)).decode()
        return Request(
            name=name.rpartition("_")[0],
            msg_id=int(raw.msg_id),
            client_id=int(raw.client_id),
            context=int(raw.context).to_bytes(4, "little"),
            data=bytes(ffi.buffer(raw.bytes, raw.length)),
            transport=_TRANSPORTS[raw.transport],
            definitions=self.definitions,
            ids=self.msg_id,
        )

    def _watch_handlers(self) -> None:
        if self._thread is None and self._handlers and self.is_running:
            # A thread of ours, not of C: it may run Python.
            self._thread = threading.Thread(target=self._serve, name="vapi-peer", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        array = ffi.new("peer_request_t[]", _BATCH)
        while True:
            count = lib.peer_poll(self._handle, array, _BATCH, _POLL_NS)
            if count == -errno.ETIMEDOUT:
                continue
            if count < 0:
                return
            waiting = [(self._request(array[i]), int(array[i].token)) for i in range(count)]
            lib.peer_release(array, count)
            for request, token in waiting:
                self._answer(request)
                lib.peer_done(self._handle, token)

    def _answer(self, request: Request) -> None:
        handler = self._handlers[request.msg_id]
        try:
            for data in request.answers(handler(request)):
                lib.peer_send(self._handle, request.client_id, data, len(data), 1)
        except Exception as error:
            log.exception("the handler of %s failed", request.name)
            self.handler_errors.append(error)
            reply = self.definitions.reply_of(request.message)
            if reply is not None:
                data = request.reply(UNSPECIFIED)
                lib.peer_send(self._handle, request.client_id, data, len(data), 1)
