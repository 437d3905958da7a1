"""The peer in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .._errors import NotConnected
from ._client_info import ClientInfo
from ._definitions import Definitions
from ._remote import RemoteRequests, RemoteScript, ask
from ._script import given

#: How long the child may take to end before it is killed.
STOP_SECONDS = 20.0


class SpawnedPeer:
    """`python -m vapi_cffi.sim` as a child; it ends when this process does.

    `socket_path`, `shm_prefix`: as of `Peer`, filled in by `start()` if they were made up.
    `control_path`: the socket by which any process tells it what to do (docs/testing.md); `on()`,
    `requests`, `send_event()` and so on use it. What needs functions is for `Peer`.
    """

    def __init__(
        self,
        socket_path: str | None = None,
        shm_prefix: str | None = None,
        *,
        api: Sequence[str | Path] = (),
        include: Sequence[str | Path] = (),
        **options: int | float | str | bool,
    ) -> None:
        self.socket_path = socket_path
        self.shm_prefix = shm_prefix
        self.control_path: str | None = None
        self.pid = 0
        self.requests = RemoteRequests(lambda: self.definitions, self.ask)
        self._api = tuple(api)
        self._include = tuple(include)
        self._process: subprocess.Popen[str] | None = None
        self._command = [sys.executable, "-m", "vapi_cffi.sim", "--control", ""]
        self._command += ["--parent", str(os.getpid())]
        if socket_path is not None:
            self._command += ["--socket", socket_path]
        if shm_prefix is not None:
            self._command += ["--shm-prefix", shm_prefix]
        for path in api:
            self._command += ["--api", str(path)]
        for path in include:
            self._command += ["-I", str(path)]
        for name, value in options.items():
            text = str(int(value)) if isinstance(value, bool) else str(value)
            self._command += ["--option", f"{name}={text}"]

    def start(self) -> Self:
        """Returns when it serves. `OSError` with its last words when it does not."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is the parent's; the child is stopped by it
        )
        assert self._process.stdout is not None
        # One line when it serves; the end of the file when it could not.
        line = self._process.stdout.readline()
        if not line:
            _, words = self._process.communicate()
            self._process = None
            raise OSError(f"the peer did not start: {words.strip().splitlines()[-1:] or words}")
        ready = json.loads(line)
        self.socket_path, self.shm_prefix = ready["socket"], ready["shm_prefix"]
        self.control_path = ready["control"]
        self.pid = self._process.pid
        return self

    def address(self, transport: str = "socket") -> str:
        """What to connect to."""
        return f"shm:{self.shm_prefix}" if transport == "shm" else f"unix:{self.socket_path}"

    def kill(self) -> None:
        """Ends it as kill -9 does: nothing is cleaned up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ends it and removes what it leaves, even after `kill()`. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        leftovers = [Path("/dev/shm", f"{self.shm_prefix}-{n}") for n in ("global_vm", "vpe-api")]
        sockets = [Path(path) for path in (self.socket_path, self.control_path) if path is not None]
        for path in leftovers + sockets:
            path.unlink(missing_ok=True)
        for path in sockets:
            if path.parent.name.startswith("vapi-"):
                with contextlib.suppress(OSError):
                    path.parent.rmdir()

    # -- as of Peer, by the control socket --------------------------------------------------------

    @cached_property
    def definitions(self) -> Definitions:
        """What it knows of messages: the same files, read in this process when they are needed."""
        return Definitions.load(self._api, self._include)

    def ask(self, do: str, /, *, _wait: float = 0.0, **members: Any) -> dict[str, Any]:
        """One command of the control socket; its answer.

        >>> peer.ask("event", message="sw_interface_event", fields={"flags": 2})  # doctest: +SKIP

        Errors: those of the peer; `NotConnected` when it does not run, `SocketFailure`, `Timeout`.
        """
        if self._process is None or self.control_path is None:
            raise NotConnected(f"{do}: the peer does not run")
        return ask(self.control_path, do, _wait=_wait, **members)

    def on(self, name: str) -> RemoteScript:
        """How requests of that name are answered from now on, step by step; see `Peer.on`."""
        return RemoteScript(self.definitions, name, self.ask)

    def off(self, name: str) -> None:
        """The peer answers by itself again."""
        self.ask("off", message=name)

    def record(self, max_bytes: int = 64 << 20) -> None:
        """Keeps copies of the requests that come, for `requests`; 0 ends it."""
        self.ask("record", max_bytes=max_bytes)

    def send_event(
        self, name: str, /, *, _to: int | None = None, _timeout: float = 5.0, **fields: Any
    ) -> int:
        """Sends an event to everybody who asked for it; to how many. See `Peer.send_event`.

        >>> peer.send_event("sw_interface_event", sw_if_index=1, flags="link_up")  # doctest: +SKIP
        """
        message = self.definitions.message(name)
        event = self.definitions.scope.codec(message.name).cls(**fields)
        about = {"fields": given(event, fields)} | ({} if _to is None else {"to": _to})
        answer = self.ask("event", _wait=_timeout, message=name, timeout=_timeout, **about)
        return int(answer["count"])

    @property
    def clients(self) -> list[ClientInfo]:
        """Who is connected now."""
        return [ClientInfo(**item) for item in self.ask("clients")["clients"]]

    def disconnect(self, client_id: int) -> None:
        """Ends a client."""
        self.ask("disconnect", client_id=client_id)

    @property
    def stats(self) -> dict[str, int]:
        """Counters, named as in peer_stats_t."""
        return dict(self.ask("stats")["stats"])

    def restart(self) -> None:
        """As VPP killed and started anew: all clients lost, an empty network."""
        self.ask("restart")

    # -- with -------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
