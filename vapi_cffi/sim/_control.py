"""A socket by which other processes, in any language, tell a peer what to do: JSON, one line each.

    {"do": "on", "message": "ip_route_add_del", "steps": [{"reply": {"retval": -56}, "times": 2}]}
    {"ok": true, "script": 1}

docs/testing.md has the list. Fields of messages are as the command line prints and reads them.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self

from .._errors import InvalidArgument, VapiError
from ._commands import Commands

if TYPE_CHECKING:
    from ._peer import Peer

#: A line longer than that is nobody's command.
LONGEST_LINE = 64 << 20
#: How long `close()` waits for a command that is being carried out; those that wait end sooner.
_CLOSE_SECONDS = 5.0


class Control:
    """Listens from `start()` until `close()`. `path`: made up unless given."""

    def __init__(self, peer: Peer, path: str | None = None) -> None:
        self._folder: str | None = None
        if path is None:
            self._folder = tempfile.mkdtemp(prefix="vapi-control-")
            path = str(Path(self._folder, "control.sock"))
        self.path = path
        self._commands = Commands(peer)
        self._listener: socket.socket | None = None
        self._accepting: Thread
        self._serving: list[Thread] = []
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        self._closing = False

    def start(self) -> Self:
        """Creates the socket; only this user may connect. `OSError` when that fails."""
        listener = socket.socket(socket.AF_UNIX)
        try:
            _remove_dead(self.path)
            # Before bind() nobody can connect, and behind it the mode is as it shall be.
            os.fchmod(listener.fileno(), 0o600)
            listener.bind(self.path)
            listener.listen()
        except OSError as error:
            listener.close()
            raise OSError(error.errno, f"control socket {self.path}: {error.strerror}") from None
        self._listener = listener
        self._accepting = Thread(target=self._accept, args=(listener,), daemon=True)
        self._accepting.start()
        return self

    def close(self) -> bool:
        """Ends all connections and removes the socket. Whether nothing is going on any more: only
        then may the peer be freed. Idempotent."""
        self._closing = True
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
            self._accepting.join(_CLOSE_SECONDS)
            listener.close()
            Path(self.path).unlink(missing_ok=True)
        # From here on there are no new ones.
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):  # the other side went first
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._serving:
            thread.join(_CLOSE_SECONDS)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        return not any(thread.is_alive() for thread in self._serving)

    # -- inside -----------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        while not self._closing:
            try:
                connection, _ = listener.accept()
            except OSError:  # close() shut it down
                return
            with self._lock:
                self._connections.add(connection)
            thread = Thread(target=self._serve, args=(connection,), daemon=True)
            self._serving = [*(one for one in self._serving if one.is_alive()), thread]
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        """One line, one answer, until the other side has had enough."""
        gone = _Gone(connection)
        try:
            with connection.makefile("rb") as lines:
                while not self._closing and (line := lines.readline(LONGEST_LINE)):
                    answer = self._answer(line, lambda: self._closing or gone())
                    connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            return  # the other side did not wait for its answer
        finally:
            with self._lock:
                self._connections.discard(connection)
                connection.close()

    def _answer(self, line: bytes, stop: Callable[[], bool]) -> dict[str, Any]:
        try:
            return {"ok": True, **self._commands.carry_out(_object(line), stop)}
        except (VapiError, LookupError, ValueError, OSError) as error:
            return {"ok": False, "error": type(error).__name__, "text": str(error)}


def end(peer: Peer, control: Control | None) -> None:
    """Of a program that is about to exit."""
    if control is None or control.close():
        peer.close()
    else:
        peer.stop()  # a command still has it in hand: it must not be freed


class _Gone:
    """Whether the other side has closed: it does not wait for the answer any more. Who only has
    nothing more to say, as `nc -N`, still listens."""

    def __init__(self, connection: socket.socket) -> None:
        self._poll = select.poll()
        self._poll.register(connection, 0)

    def __call__(self) -> bool:
        return any(events & select.POLLHUP for _, events in self._poll.poll(0))


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"not a line of JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidArgument('expected an object in one line: {"do": "on", ...}')
    return found


def _remove_dead(path: str) -> None:
    """A socket that nobody listens on any more is in the way of a new one."""
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)
