"""`vapi/foo.api.vapi.h`: the C binding of one API file, source-compatible with VAPI's.

Names, signatures and guards are those that VPP's own generator gives, so that programs written for
it compile unchanged. What is done better: every message is there, unions are swapped by
discriminator, and a size is verified before anything is swapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import ApiFile, Message, Model, Role, Rpc
from ..naming import c_guard, c_ids_macro
from ..writer import Writer, banner
from . import EmitOptions
from .c_messages import emit_message
from .c_text import WIDTH
from .c_types import emit_type

#: What every header includes besides: VAPI programs rely on it.
_BASE_FILES = {"memclnt.api": None, "vlib.api": "memclnt.api"}

#: The messages of these files whose ids the library has.
_OF_THE_LIBRARY = frozenset(
    {
        "memclnt_create",
        "memclnt_create_reply",
        "memclnt_delete",
        "memclnt_delete_reply",
        "rx_thread_exit",
        "memclnt_rx_thread_suspend",
        "memclnt_read_timeout",
        "rpc_call",
        "rpc_call_reply",
        "get_first_msg_id",
        "get_first_msg_id_reply",
        "api_versions",
        "api_versions_reply",
        "trace_plugin_msg_ids",
        "sockclnt_create",
        "sockclnt_create_reply",
        "sockclnt_delete",
        "sockclnt_delete_reply",
        "sock_init_shm",
        "sock_init_shm_reply",
        "memclnt_keepalive",
        "memclnt_keepalive_reply",
        "control_ping",
        "control_ping_reply",
        "memclnt_create_v2",
        "memclnt_create_v2_reply",
        "get_api_json",
        "get_api_json_reply",
        "cli",
        "cli_inband",
        "cli_reply",
        "cli_inband_reply",
        "get_node_index",
        "get_node_index_reply",
        "add_node_next",
        "add_node_next_reply",
        "show_threads",
        "show_threads_reply",
        "get_node_graph",
        "get_node_graph_reply",
        "get_next_index",
        "get_next_index_reply",
        "get_f64_endian_value",
        "get_f64_endian_value_reply",
        "get_f64_increment_by_one",
        "get_f64_increment_by_one_reply",
    }
)


class CHeaderEmitter:
    """Emitter `c`: one `vapi/NAME.api.vapi.h` for each file."""

    name = "c"
    version = "2"

    def emit(self, file: ApiFile, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """The header of one file."""
        return {f"vapi/{file.name}.vapi.h": header_text(file, options)}

    def finish(self, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """Nothing covers the whole model."""
        return {}


EMITTER = CHeaderEmitter()


def header_text(file: ApiFile, options: EmitOptions) -> str:
    """The text of the header."""
    out = Writer()
    open_file(out, file, c_guard(file.name), options)
    out.line("#include <vapi/vapi_generated.h>")
    base = _BASE_FILES.get(file.name, "vlib.api")
    if base is not None:
        out.line(f"#include <vapi/{base}.vapi.h>")
    out.line()
    out.raw("#ifdef __cplusplus")
    out.line('extern "C" {')
    out.raw("#endif")
    out.line()
    _ids(out, file)
    for kind in file.types:
        emit_type(out, kind)
    services = {item.caller.name: item for item in file.services}
    stream_items = _stream_items(file)
    for message in in_order(file):
        emit_message(
            out,
            message,
            services.get(message.name),
            is_stream_item=message.name in stream_items,
        )
    out.line()
    out.raw("#ifdef __cplusplus")
    out.line("}")
    out.raw("#endif")
    out.line()
    out.raw("#endif")
    return out.text()


def open_file(out: Writer, file: ApiFile, guard: str, options: EmitOptions) -> None:
    """The banner and the include guard."""
    first, *rest = banner(file, with_version=options.banner)
    out.line(f"/* {first}")
    for line in rest:
        out.line(f" * {line}")
    out.line(" */")
    out.raw(f"#ifndef {guard}")
    out.raw(f"#define {guard}")
    out.line()


def in_order(file: ApiFile) -> Iterator[Message]:
    """Messages in their order, but replies and details before the request that needs them."""
    answers = {
        item.caller.name: [found for found in (item.reply, item.details) if found is not None]
        for item in file.services
    }
    seen: set[str] = set()
    for message in file.messages:
        for item in (*answers.get(message.name, ()), message):
            if item.name not in seen:
                seen.add(item.name)
                yield item


def _stream_items(file: ApiFile) -> set[str]:
    """Messages that only come in streams."""
    streamed = {
        item.details.name
        for item in file.services
        if item.kind is Rpc.STREAM
        and item.details is not None
        and Role.EVENT not in item.details.roles
    }
    dumped = {
        item.details.name
        for item in file.services
        if item.kind is Rpc.DUMP and item.details is not None
    }
    return streamed - dumped


def _ids_besides_the_library(out: Writer, file: ApiFile) -> None:
    """Programs do not define the ids of base files, so what other releases have in these than the
    library knows needs another definition: a weak one, which any number of units may have."""
    if file.name not in _BASE_FILES:
        return
    names = [item.name for item in file.messages if item.name not in _OF_THE_LIBRARY]
    for name in names:
        out.line(f"__attribute__((weak)) vapi_msg_id_t vapi_msg_id_{name};")
    if names:
        out.line()


def _ids(out: Writer, file: ApiFile) -> None:
    for message in file.messages:
        out.line(f"extern vapi_msg_id_t vapi_msg_id_{message.name};")
    if file.messages:
        out.line()
    _ids_besides_the_library(out, file)
    out.line("/** Once in a program, followed by a semicolon: the variables of the message ids. */")
    if file.name == "vpe.api":
        out.raw(f"#undef {c_ids_macro(file.name)} /* vapi.hpp has one for programs without this */")
    macro = f"#define {c_ids_macro(file.name)}"
    lines = [macro, *(f"    vapi_msg_id_t vapi_msg_id_{item.name};" for item in file.messages)]
    width = max(WIDTH - 1, *(len(line) + 1 for line in lines))
    for line in lines[:-1]:
        out.raw(f"{line:<{width}}\\")
    out.raw(lines[-1])
