"""`vapi/foo.api.vapi.hpp`: the C++ binding of one API file, on top of `vapi/vapi.hpp` and the C
header.

Class names and template arguments are those of VPP's own generator. Streams take the lengths of
their request's variable part, too; the items of streams have names, and a request that cannot be
matched with an answer is a `Oneway`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model import ApiFile, Message, Model, Rpc, Service
from ..naming import c_size_parameter, cpp_class, cpp_guard
from ..writer import Writer
from . import EmitOptions
from .c_header import in_order, open_file
from .c_messages import is_answered
from .c_text import WIDTH, signature, wrap


class CppHeaderEmitter:
    """Emitter `cpp`: one `vapi/NAME.api.vapi.hpp` for each file. Needs the C headers beside it."""

    name = "cpp"
    version = "1"

    def emit(self, file: ApiFile, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """The header of one file."""
        return {f"vapi/{file.name}.vapi.hpp": header_text(file, options)}

    def finish(self, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """Nothing covers the whole model."""
        return {}


EMITTER = CppHeaderEmitter()


def header_text(file: ApiFile, options: EmitOptions) -> str:
    """The text of the header."""
    out = Writer()
    open_file(out, file, cpp_guard(file.name), options)
    out.line("#include <vapi/vapi.hpp>")
    out.line(f"#include <vapi/{file.name}.vapi.h>")
    out.line()
    out.line("namespace vapi")
    out.line("{")
    services = {item.caller.name: item for item in file.services}
    for message in in_order(file):
        _message(out, message, services.get(message.name))
    out.line()
    out.line("} // namespace vapi")
    out.line()
    out.raw("#endif")
    return out.text()


def _message(out: Writer, message: Message, service: Service | None) -> None:
    name = message.name
    kind = f"vapi_msg_{name}"
    out.line()
    _function(out, "void", f"vapi_swap_to_be<{kind}>", [f"{kind} *msg"], f"{kind}_hton(msg);")
    _function(out, "void", f"vapi_swap_to_host<{kind}>", [f"{kind} *msg"], f"{kind}_ntoh(msg);")
    for holder in (kind, f"Msg<{kind}>"):
        body = f"return ::vapi_msg_id_{name};"
        _function(out, "vapi_msg_id_t", f"vapi_get_msg_id_t<{holder}>", [], body)
    if service is not None:
        _alloc(out, message)
        _using(out, cpp_class(name), *_request(service))
    else:
        _using(out, cpp_class(name), "Msg", [kind])


def _function(out: Writer, result: str, name: str, parameters: Sequence[str], body: str) -> None:
    """A specialisation, on one line if it fits."""
    head = f"template <> inline {result}{'' if result.endswith('*') else ' '}{name}("
    line = f"{head}{', '.join(parameters)}) {{ {body} }}"
    if len(line) <= WIDTH:
        out.line(line)
        return
    lines = wrap(head, parameters, ")")
    if len(lines) > 1 or len(lines[0]) > WIDTH:
        lines = ["template <>", *signature(head.removeprefix("template <> "), parameters)]
    for item in lines:
        out.line(item)
    out.line("{")
    with out.indent():
        out.line(body)
    out.line("}")


def _alloc(out: Writer, message: Message) -> None:
    kind = f"vapi_msg_{message.name}"
    arguments = [kind, *_lengths(message)]
    sizes = [] if message.tail is None else [c_size_parameter(message.tail)]
    _function(
        out,
        f"{kind} *",
        f"vapi_alloc<{', '.join(arguments)}>",
        ["Connection &con", *(f"size_t {size}" for size in sizes)],
        f"return vapi_alloc_{message.name}({', '.join(['con.vapi_ctx', *sizes])});",
    )


def _lengths(message: Message) -> list[str]:
    """Types of the constructor's length arguments."""
    return [] if message.tail is None else ["size_t"]


def _request(service: Service) -> tuple[str, list[str]]:
    """The class template for a caller, and its arguments."""
    messages = [service.caller]
    if not is_answered(service):
        template = "Oneway"
    elif service.kind is Rpc.REQUEST:
        template = "Request"
    else:
        template = "Dump" if service.kind is Rpc.DUMP else "Stream"
    if template != "Oneway":
        messages += [item for item in (service.reply, service.details) if item is not None]
    return template, [*(f"vapi_msg_{item.name}" for item in messages), *_lengths(service.caller)]


def _using(out: Writer, name: str, template: str, arguments: Sequence[str]) -> None:
    head = f"using {name} = {template}<"
    line = f"{head}{', '.join(arguments)}>;"
    if len(line) <= WIDTH:
        out.line(line)
        return
    beside = wrap(head, arguments, ">;")
    below = [f"using {name} =", *wrap(f"    {template}<", arguments, ">;")]
    fits = beside[0] != head and len(beside) < len(below)
    for item in beside if fits else below:
        out.line(item)
