"""The requests of an API file as each level of the run time has them, for type checkers and
editors: blocking calls, asyncio, callbacks, objects. At run time the levels make them by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..model import ApiFile, Message, Rpc, Service
from ..naming import python_class, python_field, python_module
from ..writer import Writer
from .python_types import Spelling

#: Writes `def NAME(self, ...) -> RESULT: ...` with the fields as keywords.
Signature = Callable[..., None]

#: What annotations of the levels need, and the module that has it.
NEEDS = {
    "Any": "typing",
    "Awaitable": "collections.abc",
    "Conn": "vapi_cffi.bindings",
    "EventCallback": "vapi_cffi.bindings",
    "Fields": "vapi_cffi.bindings",
    "ObjectCallback": "vapi_cffi.bindings",
    "ReplyCallback": "vapi_cffi.bindings",
    "aio": "vapi_cffi",
    "objects": "vapi_cffi",
}

#: The classes of a module with requests: what is appended to its name, and the class of the package
#: that has them all.
SURFACES = {
    "Requests": ("Api", "All requests of this package."),
    "AsyncRequests": ("AsyncApi", "All requests of this package, for asyncio."),
    "Callbacks": ("Callbacks", "All requests of this package on the callback level."),
    "Objects": ("Objects", "All requests of this package on the object level."),
}


def surface(file: ApiFile, kind: str) -> str:
    """The class of a file's requests on a level."""
    return f"{python_class(python_module(file.module))}{kind}"


class Levels:
    """The text of those classes of one file."""

    def __init__(self, file: ApiFile, spelling: Spelling, signature: Signature) -> None:
        self._file = file
        self._spelling = spelling
        self._signature = signature
        self._services = sorted(file.services, key=lambda item: item.caller.name)
        self._taken = {python_field(item.caller.name) for item in self._services}

    def write(self, out: Writer) -> None:
        """All of them, in a block that only checkers read."""
        out.line()
        out.line("if TYPE_CHECKING:")
        with out.indent():
            self._keywords(out, "Requests", "as `client.api` has them", self._answer)
            self._keywords(out, "AsyncRequests", "as `aio.Client.api` has them", self._awaited)
            self._callbacks(out)
            self._objects(out)

    def _need(self, name: str) -> str:
        assert name in NEEDS
        self._spelling.names.add(name)
        return name

    def _class(self, out: Writer, kind: str, where: str) -> None:
        out.line()
        out.line(f"class {surface(self._file, kind)}:")
        with out.indent():
            out.line(f'"""The requests of {self._file.name}, {where}."""')

    # ---- keywords --------------------------------------------------------------------------------

    def _keywords(
        self, out: Writer, kind: str, where: str, result: Callable[[Service], str]
    ) -> None:
        self._class(out, kind, where)
        with out.indent():
            for service in self._services:
                caller = service.caller
                out.line()
                self._signature(
                    out,
                    python_field(caller.name),
                    caller.payload,
                    result(service),
                    self._taken,
                    f"_request: {python_class(caller.name)} | None = None",
                    "_timeout: float | None = None",
                )

    def _answer(self, service: Service) -> str:
        if service.details is not None:
            kind = "Dump" if service.kind is Rpc.DUMP else "Stream"
            self._spelling.names.add(kind)
            return f"{kind}[{python_class(service.details.name)}]"
        return "None" if service.reply is None else python_class(service.reply.name)

    def _awaited(self, service: Service) -> str:
        if service.details is not None:
            kind = f"{self._need('aio')}.{'Dump' if service.kind is Rpc.DUMP else 'Stream'}"
            return f"{kind}[{python_class(service.details.name)}]"
        return f"{self._need('Awaitable')}[{self._answer(service)}]"

    # ---- callbacks -------------------------------------------------------------------------------

    def _callbacks(self, out: Writer) -> None:
        self._class(out, "Callbacks", "on the callback level")
        with out.indent():
            for service in self._services:
                out.line()
                self._method(
                    out,
                    python_field(service.caller.name),
                    [*self._asked(service), *self._called_back(service)],
                    "None",
                )
            for event in self._events():
                out.line()
                callback = f"{self._need('EventCallback')}[{python_class(event.name)}]"
                parameters = [
                    f"conn: {self._need('Conn')}",
                    f"callback: {callback}",
                    f"context: {self._need('Any')} = None",
                ]
                self._method(out, f"set_{event.name}_event_cb", parameters, "None")

    def _asked(self, service: Service, default: str = "") -> list[str]:
        request = f"{python_class(service.caller.name)} | {self._need('Fields')} | None"
        if service.reply is None and service.details is None:
            default = " = None"
        return [f"conn: {self._need('Conn')}", f"request: {request}{default}"]

    def _called_back(self, service: Service) -> list[str]:
        last = service.details if service.reply is None else service.reply
        if last is None:
            return []
        reply = self._need("ReplyCallback")
        anything = self._need("Any")
        parameters = [f"callback: {reply}[{python_class(last.name)}]"]
        if service.reply is None or service.details is None:
            return [*parameters, f"context: {anything} = None"]
        return [
            *parameters,
            f"context: {anything}",
            f"details_callback: {reply}[{python_class(service.details.name)}]",
            f"details_context: {anything} = None",
        ]

    def _events(self) -> Sequence[Message]:
        """The events of this file that some request of it asks for."""
        own = {item.name for item in self._file.messages}
        found = {event.name: event for item in self._services for event in item.events}
        return [event for name, event in sorted(found.items()) if name in own]

    # ---- objects ---------------------------------------------------------------------------------

    def _objects(self, out: Writer) -> None:
        self._class(out, "Objects", "on the object level")
        answered = [item for item in self._services if item.reply or item.details]
        with out.indent():
            for service in answered:
                out.line()
                callback = f"callback: {self._need('ObjectCallback')} = None"
                self._method(
                    out,
                    python_field(service.caller.name),
                    [*self._asked(service, " = None"), callback],
                    self._object(service),
                )

    def _object(self, service: Service) -> Sequence[str]:
        """The type of the object: its name, and its parameters."""
        parts = [service.caller, service.reply, service.details]
        kind = (
            "Request" if service.details is None else "Dump" if service.reply is None else "Stream"
        )
        return [
            f"{self._need('objects')}.{kind}",
            *(python_class(item.name) for item in parts if item is not None),
        ]

    # ---- text ------------------------------------------------------------------------------------

    def _method(
        self, out: Writer, name: str, parameters: Sequence[str], result: str | Sequence[str]
    ) -> None:
        """A method, as formatters write it when commas say that each item has a line."""
        out.line(f"def {name}(")
        with out.indent():
            for item in ("self", *parameters):
                out.line(f"{item},")
        if isinstance(result, str):
            out.line(f") -> {result}: ...")
            return
        with out.block(f") -> {result[0]}[", "]: ..."):
            for item in result[1:]:
                out.line(f"{item},")
