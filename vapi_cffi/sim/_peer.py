"""The peer in this process."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import current_thread
from types import TracebackType
from typing import Any, Self

from vapi_cffi.generator.model import Message

from .._errors import Timeout
from .._ffi import ffi, lib
from ._client_info import ClientInfo
from ._definitions import Definitions, tail_of
from ._ending import wait_for_end
from ._faults import Faults
from ._recorded import WAIT_SLICE, RecordedRequests, never
from ._request import Request, build, encode_fields
from ._script import Script, Step
from ._serving import Serving
from ._spawned import SpawnedPeer
from ._subscribers import IN_C, Subscriber, Subscribers

ALL_CLIENTS: int = lib.PEER_ALL_CLIENTS
SUBSCRIBERS: int = lib.PEER_SUBSCRIBERS

_TRANSPORTS = ("socket", "memfd", "shm")
_numbers = itertools.count(1)


class Peer:
    """Serves from `start()` (or `with`) until `stop()`.

    `socket_path`, `shm_prefix`: made up unless given. `transports`: what to offer; memfd clients
    come by the socket. `api`: `.api` and `.api.json` files or directories beside our own
    definitions; `include`: directories below which their imports are looked for.
    `options`: members of peer_options_t (csrc/peer.h) by name.
    """

    def __init__(
        self,
        socket_path: str | None = None,
        shm_prefix: str | None = None,
        *,
        api: Sequence[str | Path] = (),
        include: Sequence[str | Path] = (),
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
        self.definitions = definitions or Definitions.load(api, include)
        self.faults = Faults(self)
        self.handler_errors: list[BaseException] = []
        self.requests = RecordedRequests(self)
        self._scripts: dict[int, Script] = {}
        self._subscribers = Subscribers(self.definitions)
        self._serving: Serving | None = None
        self._handle: Any = self._alloc(options)
        self._add_definitions()
        for name in self._subscribers.requests:
            self._set_handled(self.msg_id(name), True)

    @classmethod
    def spawn(
        cls,
        socket_path: str | None = None,
        shm_prefix: str | None = None,
        *,
        api: Sequence[str | Path] = (),
        include: Sequence[str | Path] = (),
        **options: int | float | str | bool,
    ) -> SpawnedPeer:
        """A peer in a process of its own, running when this returns. Scripts, recorded requests and
        events as here, but no functions."""
        return SpawnedPeer(socket_path, shm_prefix, api=api, include=include, **options).start()

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Creates the socket and the regions and serves. `OSError` when that fails."""
        self.check(lib.peer_start(self.handle), "start")
        self._watch()
        return self

    def stop(self) -> None:
        """Ends all clients and removes what `start()` made. Idempotent; may be started again."""
        if self._handle is None:
            return
        lib.peer_stop(self._handle)
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.join()

    def close(self) -> None:
        """Stops and frees; nothing can be called after it. Idempotent."""
        self.stop()
        handle, self._handle = self._handle, None
        if handle is not None:
            lib.peer_free(handle)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def wait(self) -> None:
        """Returns at SIGTERM or Ctrl-C: what is left to do for the main thread of a program that is
        a peer."""
        wait_for_end()

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

    def address(self, transport: str | None = None) -> str:
        """What to connect to: the socket, if nothing is said and there is one."""
        if transport is None:
            transport = "shm" if self.socket_path is None else "socket"
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
            raise self.definitions.unknown(name)
        return msg_id

    def on(self, name: str) -> Script:
        """How requests of that name are answered from now on: steps, or a function.

        >>> peer.on("ip_route_add_del").reply(retval=-56).times(2)      # doctest: +SKIP
        >>> @peer.on("show_threads")                                    # doctest: +SKIP
        ... def threads(request):
        ...     return request.reply(count=0)

        What was set for the name before is forgotten. See `Script`. The client's next request waits
        for the answer (`handler_timeout_ns`). What a function raises is kept in `handler_errors`,
        raised at the end of `with`, and answered with retval -1. Errors: KeyError.
        """
        return Script(self.definitions, name, self.install)

    def off(self, name: str) -> None:
        """The peer answers by itself again."""
        msg_id = self.msg_id(name)
        self._scripts.pop(msg_id, None)
        self._set_handled(msg_id, name in self._subscribers.requests)

    def install(self, script: Script) -> None:
        """Called by scripts that have something to do."""
        msg_id = self.msg_id(script.name)
        self._scripts[msg_id] = script
        self._set_handled(msg_id, True)
        self._watch()

    def encode(self, name: str, /, *, _tail: bytes = b"", **fields: Any) -> bytes:
        """The bytes of a message: fields by name, as a client takes them, or as bytes of the wire;
        defaults elsewhere."""
        message = self.definitions.message(name)
        return build(self.definitions, message, self.msg_id(message.name_crc), fields, _tail)

    def send(self, client_id: int, data: bytes, count: int = 1) -> None:
        """Sends a message (its id first) to a client, `ALL_CLIENTS` or `SUBSCRIBERS`."""
        self.check(lib.peer_send(self.handle, client_id, data, len(data), count), "send")

    def event(
        self,
        name: str,
        /,
        *,
        to: int = SUBSCRIBERS,
        count: int = 1,
        _tail: bytes = b"",
        **fields: Any,
    ) -> None:
        """Sends an event at once, by default to those who asked for interface events, if any."""
        self.send(to, self.encode(name, _tail=_tail, **fields), count)

    def send_event(
        self,
        name: str,
        /,
        *,
        _to: int | None = None,
        _timeout: float | None = None,
        _stop: Callable[[], bool] = never,
        **fields: Any,
    ) -> int:
        """Sends an event to everybody who asked for it; to how many.

        >>> peer.send_event("sw_interface_event", sw_if_index=1, flags="link_up")  # doctest: +SKIP

        Waits until somebody has asked: `Timeout` after `_timeout` seconds (5) names the request
        that did not come. A handler does not wait, and nobody may be there: 0. An event that no
        request asks for goes to all clients. `_to`: to this client's id, whatever it asked for.
        `_stop` says whether to wait no longer. Errors: KeyError for the event, `InvalidArgument`
        for a field.
        """
        message = self.definitions.message(name)
        number = self.msg_id(message.name_crc)
        codec = self.definitions.scope.codec(message.name)
        data = encode_fields(codec, number, fields)
        if _to is not None:
            self.send(_to, data)
            return 1
        is_handler = current_thread() is self._serving
        patience = 0.0 if is_handler else 5.0 if _timeout is None else _timeout
        deadline = time.monotonic() + patience
        while True:
            # In slices: a wait in C would not hear Ctrl-C.
            left = deadline - time.monotonic()
            count = self._reach(message, codec.header, data, max(0.0, min(left, WAIT_SLICE)))
            if count or is_handler:
                return count
            if left <= 0 or _stop():
                asked = " or ".join(self._subscribers.callers_of(message.name))
                missing = (
                    f"no client asked for it by {asked}" if asked else "no client is connected"
                )
                raise Timeout(f"{message.name}: {missing} within {patience:g} s")

    def _reach(
        self, message: Message, header: tuple[str, ...], data: bytes, patience: float
    ) -> int:
        """Sends an event to those who want it, once there are any; to how many."""
        callers = self._subscribers.callers_of(message.name)
        if not callers or IN_C in callers:
            target = SUBSCRIBERS if callers else ALL_CLIENTS
            count = int(lib.peer_await_clients(self.handle, target, int(patience * 1e9)))
            if count > 0:
                self.send(target, data)
            return max(count, 0)
        alive = [client.client_id for client in self.clients]
        found = self._subscribers.wait(message.name, alive, patience)
        for one in found:
            self.send(one.client_id, _addressed(data, header, one, message))
        return len(found)

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
        """Keeps copies of the requests that come, for `requests`; 0 ends it."""
        lib.peer_record(self.handle, max_bytes)
        self.requests.is_on = max_bytes != 0

    def recorded(self) -> list[Request]:
        """Takes the recorded requests out of `requests`, oldest first, all of them."""
        return self.requests.take()

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
        if reply is not None and reply.context_offset is not None:
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
                "reply_context_offset": 0 if reply is None else reply.context_offset or 0,
            },
        )
        self.check(lib.peer_add_message(self.handle, raw), message.name)

    def request_of(self, raw: Any) -> Request:
        """A peer_request_t as an object; its bytes are copied."""
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

    def step_for(self, request: Request) -> Step:
        """What to do with a request that C handed over."""
        script = self._scripts.get(request.msg_id)
        return Step() if script is None else script.next_step()

    def answered(self, request: Request, answer: bytes | None) -> None:
        """Called before a request is done, with the last message of the answer (None: by C)."""
        if request.name not in self._subscribers.requests:
            return
        reply = self.definitions.reply_of(request.message)
        at = None if reply is None else reply.retval_offset
        if answer is None or at is None or answer[at] < 128:
            self._subscribers.note(request)

    def _set_handled(self, msg_id: int, on: bool) -> None:
        self.check(lib.peer_set_handled(self.handle, msg_id, on), "set_handled")

    def _watch(self) -> None:
        wanted = self._scripts or self._subscribers.requests
        if self._serving is None and wanted and self.is_running:
            self._serving = Serving(self, self.handle)
            self._serving.start()


def _addressed(
    data: bytes, header: tuple[str, ...], subscriber: Subscriber, message: Message
) -> bytes:
    """An event with the subscriber's own client_index and pid, where it has them."""
    body = bytearray(data)
    if header[:1] == ("client_index",):
        body[2:6] = subscriber.client_index
    for item in message.fields:
        if item.name == "pid" and item.size == 4:
            body[item.offset : item.offset + 4] = subscriber.pid
    return bytes(body)
