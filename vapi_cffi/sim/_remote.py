"""A peer in another process, told what to do over its control socket (see `_control`)."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any, Self

from .._errors import InvalidArgument, NotSupported, SocketFailure, Timeout
from ._definitions import Definitions, UnknownNameError
from ._recorded import Requests, never
from ._request import Handler, Request
from ._script import Script, Step

Ask = Callable[..., dict[str, Any]]

#: How long a command may take that waits for nothing but its turn.
_PATIENCE = 30.0

_ERRORS: dict[str, type[Exception]] = {
    "InvalidArgument": InvalidArgument,
    "KeyError": UnknownNameError,
    "Timeout": Timeout,
    "UnknownNameError": UnknownNameError,
    "ValueError": ValueError,
}


def ask(path: str, do: str, /, *, _wait: float = 0.0, **members: Any) -> dict[str, Any]:
    """Sends one command, over a connection of its own: no thread, and nobody after Ctrl-C, gets the
    answer to another one. `_wait`: seconds that the command itself may take.

    Errors: as of the peer in this process; `SocketFailure` when it is gone, `Timeout`."""
    command = {"do": do, **members}
    try:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(_PATIENCE + _wait)
            control.connect(path)
            control.sendall(json.dumps(command).encode() + b"\n")
            with control.makefile("rb") as lines:
                line = lines.readline()
    except TimeoutError:
        raise Timeout(f"{do}: the peer did not answer on {path}") from None
    except OSError as error:
        raise SocketFailure(f"{do}: control socket {path}: {error}") from None
    if not line:
        raise SocketFailure(f"{do}: the peer ended without an answer on {path}")
    answer: dict[str, Any] = json.loads(line)
    if not answer["ok"]:
        raise _ERRORS.get(answer["error"], OSError)(answer["text"])
    return answer


class RemoteScript(Script):
    """Steps for a peer in another process; made by `SpawnedPeer.on(name)`.

    >>> peer.on("ip_route_add_del").reply(retval=-56).times(2)          # doctest: +SKIP

    All that a script has, except functions: they cannot go to another process.
    """

    def __init__(self, definitions: Definitions, name: str, ask: Ask) -> None:
        super().__init__(definitions, name, lambda script: None)
        self._ask = ask
        self._number: int | None = None

    @property
    def requests(self) -> int:
        if self._number is None:
            return 0
        return int(self._ask("script", script=self._number)["requests"])

    def __call__(self, handler: Handler) -> Handler:
        raise self._no_functions()

    def call(self, handler: Handler) -> Self:
        raise self._no_functions()

    def times(self, count: int) -> Self:
        super().times(count)
        return self._tell({"times": count})

    def delay(self, seconds: float) -> Self:
        super().delay(seconds)
        return self._tell({"delay": seconds})

    def _no_functions(self) -> NotSupported:
        return NotSupported(
            f"{self.name}: a function cannot answer in another process: "
            "use reply(), details() and the other steps, or vapi_cffi.sim.Peer in this process"
        )

    def _add(self, step: Step) -> Self:
        super()._add(step)
        assert step.plan is not None
        return self._tell(step.plan())

    def _tell(self, step: dict[str, Any]) -> Self:
        if self._number is None:
            self._number = self._ask("on", message=self.name, steps=[step])["script"]
        else:
            self._ask("then", script=self._number, steps=[step])
        return self


class RemoteRequests(Requests):
    """Those that came to a peer in another process; each look asks it."""

    def __init__(self, definitions: Callable[[], Definitions], ask: Ask) -> None:
        self._definitions = definitions
        self._ask = ask

    def named(self, name: str) -> list[Request]:
        return self._requests(self._ask("requests", message=name, form="data"))

    def wait(
        self, name: str, count: int = 1, *, timeout: float = 5.0, _stop: Callable[[], bool] = never
    ) -> list[Any]:
        answer = self._ask(
            "wait", _wait=timeout, message=name, count=count, timeout=timeout, form="data"
        )
        return [request.args for request in self._requests(answer)]

    def clear(self) -> None:
        self._ask("clear")

    def _shown(self) -> list[Request]:
        return self._requests(self._ask("requests", form="data"))

    def _requests(self, answer: dict[str, Any]) -> list[Request]:
        definitions = self._definitions()
        return [
            Request(
                name=item["name"],
                msg_id=item["msg_id"],
                client_id=item["client_id"],
                context=bytes.fromhex(item["context"]),
                data=bytes.fromhex(item["data"]),
                transport=item["transport"],
                definitions=definitions,
                ids=_no_ids,
            )
            for item in answer["requests"]
        ]

    def __repr__(self) -> str:
        return "<Requests of a peer in another process>"


def _no_ids(name: str) -> int:
    raise NotSupported(f"{name}: this request was answered by a peer in another process")
