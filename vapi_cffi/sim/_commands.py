"""What a peer can be told by another process, as objects of JSON: `{"do": "on", ...}`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

from .._errors import BadMessage, InvalidArgument

# JSON in and out is that of the command line: one form everywhere.
from ..cli._fields import values_of
from ..cli._values import plain
from ._script import Script

if TYPE_CHECKING:
    from ._peer import Peer
    from ._request import Request

Stop = Callable[[], bool]
Answer = dict[str, Any]

_NUMBER = (int, float)
_WORDS: dict[type | tuple[type, ...], str] = {
    str: "a text",
    int: "an integer",
    _NUMBER: "a number",
    dict: "an object",
    list: "a list",
}
#: Steps, and what changes a step: each with the kind of its value.
_STEPS = {"reply": dict, "details": list, "drop": bool, "disconnect": bool, "passthrough": bool}
_CHANGES = {"times": int, "delay": _NUMBER}


class Arguments:
    """The members of one command, each taken once and of the right kind."""

    def __init__(self, what: str, given: Mapping[str, Any]) -> None:
        self.what = what
        self._left = dict(given)
        self._asked: list[str] = []

    def take(self, name: str, kind: Any, default: Any = ...) -> Any:
        """A member; `InvalidArgument` if it is missing (without a default) or of another kind."""
        self._asked.append(name)
        value = self._left.pop(name, None)
        if value is None:
            if default is ...:
                raise InvalidArgument(f"{self.what}: {name!r} is missing")
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            expected = _WORDS.get(kind, "true")
            raise InvalidArgument(f"{self.what}: {name}: {value!r}, expected {expected}")
        return value

    def seconds(self, default: float) -> float:
        """The member `timeout`."""
        value = self.take("timeout", _NUMBER, default)
        if not 0 <= value < math.inf:
            raise InvalidArgument(f"{self.what}: timeout: {value!r}, expected seconds")
        return float(value)

    def end(self) -> None:
        """`InvalidArgument` for what nobody asked for."""
        for name in self._left:
            close = get_close_matches(name, self._asked, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(self._asked)}"
            raise InvalidArgument(f"{self.what}: no {name!r}: {hint}")


class Commands:
    """Carries them out on a peer, for any number of threads."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._scripts: dict[int, Script] = {}
        self._numbers = count(1)
        self._lock = Lock()
        self._known: dict[str, Callable[[Arguments, Stop], Answer]] = {
            "on": self._on,
            "then": self._then,
            "script": self._script,
            "off": self._off,
            "record": self._record,
            "requests": self._requests,
            "wait": self._wait,
            "clear": self._clear,
            "event": self._event,
            "clients": self._clients,
            "disconnect": self._disconnect,
            "stats": self._stats,
            "restart": self._restart,
        }

    def carry_out(self, command: Mapping[str, Any], stop: Stop) -> Answer:
        """The answer to one command. `stop`: whether a wait shall end early.

        Errors: `InvalidArgument`, `Timeout`, KeyError for names of messages, OSError."""
        name = command.get("do")
        if not isinstance(name, str) or name not in self._known:
            close = get_close_matches(name, self._known, 1) if isinstance(name, str) else []
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(self._known)}"
            raise InvalidArgument(f"no command {name!r}: {hint}")
        arguments = Arguments(name, {key: item for key, item in command.items() if key != "do"})
        return self._known[name](arguments, stop)

    # -- scripts ----------------------------------------------------------------------------------

    def _on(self, arguments: Arguments, stop: Stop) -> Answer:
        script = self._peer.on(arguments.take("message", str))
        steps = arguments.take("steps", list, [])
        arguments.end()
        self._check(script.name, steps)
        self._add(script, steps)
        with self._lock:
            number = next(self._numbers)
            self._scripts[number] = script
        return {"script": number}

    def _then(self, arguments: Arguments, stop: Stop) -> Answer:
        script = self._found(arguments)
        steps = arguments.take("steps", list)
        arguments.end()
        self._check(script.name, steps)
        self._add(script, steps)
        return {}

    def _script(self, arguments: Arguments, stop: Stop) -> Answer:
        script = self._found(arguments)
        arguments.end()
        return {"message": script.name, "requests": script.requests}

    def _found(self, arguments: Arguments) -> Script:
        number = arguments.take("script", int)
        if number not in self._scripts:
            raise InvalidArgument(f"{arguments.what}: script: there is no {number}")
        return self._scripts[number]

    def _check(self, name: str, steps: Sequence[Any]) -> None:
        """All steps are taken, or none: they are tried on a script that does nothing."""
        trial = Script(self._peer.definitions, name, lambda script: None)
        self._add(trial.passthrough(), steps)

    def _add(self, script: Script, steps: Sequence[Any]) -> None:
        for step in steps:
            if not isinstance(step, dict):
                raise InvalidArgument(
                    f"{script.name}: {step!r} is no step, such as {{'drop': true}}"
                )
            self._step(script, Arguments(f"{script.name}: step", step))

    def _step(self, script: Script, arguments: Arguments) -> None:
        values = {
            name: arguments.take(name, kind, None) for name, kind in (_STEPS | _CHANGES).items()
        }
        arguments.end()
        kinds = [name for name in _STEPS if values[name] is not None]
        if kinds == ["reply", "details"]:
            rows = [self._row(script, row) for row in values["details"]]
            script.details(rows, **self._reply(script, values["reply"]))
        elif kinds == ["reply"]:
            script.reply(**self._reply(script, values["reply"]))
        elif kinds == ["details"]:
            script.details([self._row(script, row) for row in values["details"]])
        elif len(kinds) == 1:
            if values[kinds[0]] is not True:
                raise InvalidArgument(f"{script.name}: step: {kinds[0]}: False, expected true")
            getattr(script, kinds[0])()
        elif kinds or not any(values[name] is not None for name in _CHANGES):
            raise InvalidArgument(
                f"{script.name}: a step is one of {', '.join(_STEPS)}; it has {kinds or 'none'}"
            )
        if values["times"] is not None:
            script.times(values["times"])
        if values["delay"] is not None:
            script.delay(values["delay"])

    def _reply(self, script: Script, given: Mapping[str, Any]) -> dict[str, Any]:
        reply = self._peer.definitions.reply_of(self._peer.definitions.message(script.name))
        if reply is None:
            return dict(given)  # the script says what is wrong with it
        return values_of(self._peer.definitions.scope.codec(reply.name).cls.__api__, given)

    def _row(self, script: Script, given: Any) -> dict[str, Any]:
        row = self._peer.definitions.row_of(self._peer.definitions.message(script.name))
        if not isinstance(given, dict):
            raise InvalidArgument(f"{row.name}: {given!r}, expected an object")
        return values_of(self._peer.definitions.scope.codec(row.name).cls.__api__, given)

    def _off(self, arguments: Arguments, stop: Stop) -> Answer:
        name = arguments.take("message", str)
        arguments.end()
        self._peer.off(name)
        return {}

    # -- requests ---------------------------------------------------------------------------------

    def _record(self, arguments: Arguments, stop: Stop) -> Answer:
        max_bytes = arguments.take("max_bytes", int, 64 << 20)
        arguments.end()
        if max_bytes < 0:
            raise InvalidArgument(f"record: max_bytes: {max_bytes}, expected 0 or more")
        self._peer.record(max_bytes)
        return {}

    def _requests(self, arguments: Arguments, stop: Stop) -> Answer:
        name = arguments.take("message", str, None)
        shown = self._form(arguments)
        arguments.end()
        requests = self._peer.requests
        found = list(requests) if name is None else requests.named(name)
        return {"requests": [shown(request) for request in found]}

    def _wait(self, arguments: Arguments, stop: Stop) -> Answer:
        name = arguments.take("message", str)
        number = arguments.take("count", int, 1)
        timeout = arguments.seconds(5.0)
        shown = self._form(arguments)
        arguments.end()
        self._peer.requests.wait(name, number, timeout=timeout, _stop=stop)
        return {"requests": [shown(request) for request in self._peer.requests.named(name)]}

    @staticmethod
    def _form(arguments: Arguments) -> Callable[[Request], Answer]:
        form = arguments.take("form", str, "fields")
        if form not in _FORMS:
            raise InvalidArgument(f"{arguments.what}: form: {form!r}, expected fields or data")
        return _FORMS[form]

    def _clear(self, arguments: Arguments, stop: Stop) -> Answer:
        arguments.end()
        self._peer.requests.clear()
        return {}

    # -- events, clients --------------------------------------------------------------------------

    def _event(self, arguments: Arguments, stop: Stop) -> Answer:
        message = self._peer.definitions.message(arguments.take("message", str))
        given = arguments.take("fields", dict, {})
        to = arguments.take("to", int, None)
        timeout = arguments.seconds(5.0)
        arguments.end()
        block = self._peer.definitions.scope.codec(message.name).cls.__api__
        fields = values_of(block, given)
        reached = self._peer.send_event(
            message.name, _to=to, _timeout=timeout, _stop=stop, **fields
        )
        return {"count": reached}

    def _clients(self, arguments: Arguments, stop: Stop) -> Answer:
        arguments.end()
        return {"clients": [asdict(client) for client in self._peer.clients]}

    def _disconnect(self, arguments: Arguments, stop: Stop) -> Answer:
        client_id = arguments.take("client_id", int)
        arguments.end()
        self._peer.disconnect(client_id)
        return {}

    def _stats(self, arguments: Arguments, stop: Stop) -> Answer:
        arguments.end()
        return {"stats": self._peer.stats}

    def _restart(self, arguments: Arguments, stop: Stop) -> Answer:
        arguments.end()
        self._peer.restart()
        return {}


def _as_fields(request: Request) -> Answer:
    try:
        fields = plain(request.args)
    except BadMessage:  # bytes that are not what they should be have no fields
        fields = None
    about = {"name": request.name, "client_id": request.client_id, "transport": request.transport}
    return {**about, "fields": fields}


def _as_data(request: Request) -> Answer:
    """For those who have the definitions: the message as it came, in hexadecimal digits."""
    return {
        "name": request.name,
        "msg_id": request.msg_id,
        "client_id": request.client_id,
        "context": request.context.hex(),
        "data": request.data.hex(),
        "transport": request.transport,
    }


_FORMS = {"fields": _as_fields, "data": _as_data}
