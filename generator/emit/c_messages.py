"""C definitions of messages: structs, swaps, sizes, registration, allocation, calls, callbacks."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import (
    BASE_TYPES,
    Field,
    Header,
    Message,
    Role,
    Rpc,
    Service,
    Shape,
    Struct,
    Tail,
    Type,
    unalias,
)
from ..naming import c_field, c_size_parameter, c_type
from ..writer import Writer
from .c_text import WIDTH, call, comment, function, wrap
from .c_types import PACKED, check_size, code, emit_members, emit_swap, guarded

#: Header structs of vapi_internal.h. Other messages have none: their payload is the whole message.
HEADERS = {Header.REQUEST: "vapi_type_msg_header2_t", Header.REPLY: "vapi_type_msg_header1_t"}

_MSG_ID = Field("_vl_msg_id", BASE_TYPES["u16"], Shape.SCALAR, 0, 2)
_CTX = "struct vapi_ctx_s *ctx"


def payload_fields(message: Message) -> tuple[Field, ...]:
    """The members of `vapi_payload_X`."""
    return message.payload if message.header in HEADERS else (_MSG_ID, *message.fields)


def is_answered(service: Service) -> bool:
    """True if the answer can be told by its context, so that there is a call with callbacks.

    A request without context, or with a reply that has none, is only sent: what VPP says to it
    comes as an event.
    """
    if service.caller.header not in HEADERS or service.kind is Rpc.ONEWAY:
        return False
    return service.reply is None or service.reply.header in HEADERS


def has_event_callback(message: Message) -> bool:
    """True for what may come unasked: replies, events, details of dumps, and messages without a
    role."""
    return bool(payload_fields(message)) and message.roles != {Role.CALLER}


def emit_message(
    out: Writer, message: Message, service: Service | None, *, is_stream_item: bool
) -> None:
    """Everything about one message. `service`: the one that it starts; `is_stream_item`: it comes
    in streams only, and so has no event callback."""
    name = message.name
    with guarded(out, f"__vapi_def_defined_vapi_msg_{name}"):
        _structs(out, message)
        _callback_types(out, message, is_stream_item=is_stream_item)
    with code(out, f"vapi_msg_{name}"):
        _swaps(out, message)
        _sizes(out, message)
        if service is not None:
            _alloc(out, message)
            _call(out, service)
        _constructor(out, message)
        if has_event_callback(message) and not is_stream_item:
            _event_callback(out, message)


def _structs(out: Writer, message: Message) -> None:
    name = message.name
    fields = payload_fields(message)
    if fields:
        comment(out, message.doc)
        out.line(f"typedef struct {PACKED} {{")
        emit_members(out, fields)
        out.line(f"}} vapi_payload_{name};")
        out.line()
    else:
        comment(out, message.doc)
    out.line(f"typedef struct {PACKED} {{")
    with out.indent():
        if message.header in HEADERS:
            out.line(f"{HEADERS[message.header]} header;")
        if fields:
            out.line(f"vapi_payload_{name} payload;")
    out.line(f"}} vapi_msg_{name};")
    check_size(out, f"vapi_msg_{name}", message.size)


def _payload_type(message: Message) -> str:
    return f"vapi_payload_{message.name}" if payload_fields(message) else "void"


def _callback_types(out: Writer, message: Message, *, is_stream_item: bool) -> None:
    name = message.name
    begin = [_CTX, "void *callback_ctx"]
    if message.roles & {Role.REPLY, Role.DETAILS}:
        argument = "reply" if Role.REPLY in message.roles else "details"
        parameters = [
            *begin,
            "vapi_error_e rv",
            "bool is_last",
            f"{_payload_type(message)} *{argument}",
        ]
        for line in wrap(f"typedef vapi_error_e (*vapi_reply_cb_{name}_t)(", parameters, ");"):
            out.line(line)
    if has_event_callback(message) and not is_stream_item:
        parameters = [*begin, f"vapi_payload_{name} *payload"]
        for line in wrap(f"typedef vapi_error_e (*vapi_event_cb_{name}_t)(", parameters, ");"):
            out.line(line)


def _swaps(out: Writer, message: Message) -> None:
    name = message.name
    fields = payload_fields(message)
    if fields:
        for to_network in (True, False):
            emit_swap(
                out,
                f"vapi_msg_{name}_payload_",
                f"vapi_payload_{name} *payload",
                "payload",
                fields,
                to_network,
            )
    for suffix in ("hton", "ntoh"):
        lines = []
        if message.header in HEADERS:
            lines.append(f"{HEADERS[message.header]}_{suffix}(&msg->header);")
        if fields:
            lines.append(f"vapi_msg_{name}_payload_{suffix}(&msg->payload);")
        function(out, f"void vapi_msg_{name}_{suffix}", [f"vapi_msg_{name} *msg"], lines)


def _place(path: Sequence[str]) -> str:
    return ".".join(["msg->payload", *(c_field(item) for item in path)])


def _element(tail: Tail) -> str:
    """An expression for the first element, to take the size of."""
    return f"{_place(tail.path)}{'.buf' if tail.shape is Shape.STRING else ''}[0]"


def _count(tail: Tail) -> str:
    return _place(tail.count_path) + (".length" if tail.shape is Shape.STRING else "")


def _sizes(out: Writer, message: Message) -> None:
    name, tail = message.name, message.tail
    counted = tail if tail is not None and tail.count_path else None
    size = "sizeof *msg"
    if counted is None:
        function(
            out, f"uword vapi_calc_{name}_msg_size", [f"vapi_msg_{name} *msg"],
            [f"return {size};"],
        )  # fmt: skip
        fits = [f"return buf_size < {size} ? -1 : 0;"]
    else:
        items = [size, f"(uword){_count(counted)}", f"sizeof {_element(counted)}"]
        function(
            out, f"uword vapi_calc_{name}_msg_size", [f"vapi_msg_{name} *msg"],
            call("return vapi_size_with_tail(", items),
        )  # fmt: skip
        test = f"buf_size < {size} || buf_size < vapi_calc_{name}_msg_size(msg)"
        fits = _returns(test)
    parameters = [f"vapi_msg_{name} *msg", "uword buf_size"]
    function(out, f"int vapi_verify_{name}_msg_size", parameters, fits)
    if counted is not None:
        bits = 8 * counted.count_type.size
        count = _count(counted) if bits == 8 else f"be{bits}toh((u{bits}){_count(counted)})"
        items = [size, count, f"sizeof {_element(counted)}"]
        body = [
            f"if (buf_size < {size})",
            "    return -1;",
            *call("uword size = vapi_size_with_tail(", items),
            "return buf_size < size ? -1 : 0;",
        ]
        doc = "In network order: before anything is swapped."
        function(out, f"int vapi_verify_{name}_wire_size", parameters, body, doc)


def _returns(test: str) -> list[str]:
    """`return test ? -1 : 0;`, on two lines if need be."""
    one = f"return {test} ? -1 : 0;"
    if len(one) <= 96:
        return [one]
    left, right = test.split(" || ")
    return [f"if ({left})", "    return -1;", f"return {right} ? -1 : 0;"]


def _alloc(out: Writer, message: Message) -> None:
    name, tail = message.name, message.tail
    kind = f"vapi_msg_{name}"
    body = [f"{kind} *msg;"]
    parameters = [_CTX]
    if tail is None:
        body += call(f"msg = ({kind} *)vapi_msg_alloc(", ["ctx", "sizeof *msg"])
    else:
        count = c_size_parameter(tail)
        parameters.append(f"size_t {count}")
        items = ["ctx", "sizeof *msg", count, f"sizeof {_element(tail)}", _most(tail)]
        body += call(f"msg = ({kind} *)vapi_alloc_tail(", items)
    body += ["if (msg == NULL)", "    return NULL;"]
    place = "header" if message.header in HEADERS else "payload"
    number = f"msg->{place}._vl_msg_id = vapi_lookup_vl_msg_id("
    body += call(number, ["ctx", f"vapi_msg_id_{name}"])
    if message.header is Header.REQUEST:
        body.append("msg->header.client_index = (u32)vapi_get_client_index(ctx);")
    elif message.header is Header.EVENT:
        # A plain field to the swap functions, but bytes that must come out as they are.
        body.append("msg->payload.client_index = htobe32((u32)vapi_get_client_index(ctx));")
    if tail is not None and tail.count_path:
        body.append(f"{_count(tail)} = ({_count_type(message, tail)}){c_size_parameter(tail)};")
    body.append("return msg;")
    doc = f"Memory for {name}, zeroed; NULL: as vapi_msg_alloc()."
    function(out, f"{kind} *vapi_alloc_{name}", parameters, body, doc)


def _most(tail: Tail) -> str:
    """The largest count that the count field can hold."""
    if not tail.count_path:
        return "~(u64)0"
    bits = 8 * tail.count_type.size - (1 if tail.count_type.is_signed else 0)
    return "UINT64_MAX" if bits == 64 else f"{(1 << bits) - 1:#x}u" + ("ll" if bits > 32 else "")


def _count_type(message: Message, tail: Tail) -> str:
    """The type of the count field, for a cast."""
    if tail.shape is Shape.STRING:
        return "u32"
    fields: Sequence[Field] = message.fields
    kind: Type = tail.count_type
    for step in tail.count_path:
        kind = next(item.type for item in fields if item.name == step)
        inner = unalias(kind)[0]
        fields = inner.fields if isinstance(inner, Struct) else ()
    return c_type(kind)


def _call(out: Writer, service: Service) -> None:
    name = service.caller.name
    if not is_answered(service):
        _send_only(out, service)
        return
    parameters = [_CTX, f"vapi_msg_{name} *msg"]
    callbacks: list[tuple[str, Message, str]] = []
    if service.reply is not None:
        callbacks.append(("reply", service.reply, "REG"))
    if service.details is not None:
        is_dump = service.reply is None
        word = "reply" if is_dump else "details"
        callbacks.append((word, service.details, "DUMP" if is_dump else "STREAM"))
    for word, message, _ in callbacks:
        parameters.append(f"vapi_reply_cb_{message.name}_t {word}_callback")
        parameters.append(f"void *{word}_callback_ctx")
    missing = " || ".join(
        ["msg == NULL", *(f"{word}_callback == NULL" for word, _, _ in callbacks)]
    )
    send = ["ctx", "msg"]
    is_dump = service.kind is Rpc.DUMP
    body = [
        f"if ({missing})",
        "    return VAPI_EINVAL;",
        "u32 context;",
        f"vapi_error_e rv = vapi_request_begin(ctx, {len(callbacks)}, &context);",
        "if (rv != VAPI_OK)",
        "    return rv;",
        "msg->header.context = context;",
        f"vapi_msg_{name}_hton(msg);",
        *call(
            f"rv = vapi_send{'_with_control_ping' if is_dump else ''}(",
            [*send, "context"] if is_dump else send,
        ),
        "if (rv == VAPI_OK) {",
    ]
    # The details of a stream come first, and so does their place.
    for word, message, kind in reversed(callbacks):
        items = [
            "ctx",
            "context",
            f"vapi_msg_id_{message.name}",
            f"VAPI_REQUEST_{kind}",
            f"(vapi_cb_t){word}_callback",
            f"{word}_callback_ctx",
        ]
        body += [f"    {line}" for line in call("vapi_store_request(", items, indent=8)]
    body += [
        "} else {",
        f"    vapi_msg_{name}_ntoh(msg);",
        "}",
        "return vapi_request_end(ctx, rv);",
    ]
    function(out, f"vapi_error_e vapi_{name}", parameters, body, _call_doc(service))


def _call_doc(service: Service) -> str:
    if service.kind is Rpc.DUMP:
        return "Sends a dump: the callback gets each item, then NULL with is_last."
    if service.kind is Rpc.STREAM:
        return "Sends a request: the details callback gets each item, then the other one the reply."
    return "Sends a request: the callback gets the reply, in blocking mode before this returns."


def _send_only(out: Writer, service: Service) -> None:
    name = service.caller.name
    what = "there is no reply" if service.reply is None else "the reply comes as an event"
    body = [
        "if (msg == NULL)",
        "    return VAPI_EINVAL;",
        f"vapi_msg_{name}_hton(msg);",
        "vapi_error_e rv = vapi_send(ctx, msg);",
        "if (rv != VAPI_OK)",
        f"    vapi_msg_{name}_ntoh(msg);",
        "return rv;",
    ]
    parameters = [_CTX, f"vapi_msg_{name} *msg"]
    function(out, f"vapi_error_e vapi_{name}", parameters, body, f"Sends the message; {what}.")


def _constructor(out: Writer, message: Message) -> None:
    name = message.name
    header = HEADERS.get(message.header)
    counted = message.tail is not None and bool(message.tail.count_path)
    verify = f"vapi_verify_{name}_"
    values = [
        "name",
        "sizeof name - 1",
        "name_with_crc",
        "sizeof name_with_crc - 1",
        "false" if header is None else "true",
        "0" if header is None else f"offsetof({header}, context)",
        f"offsetof(vapi_msg_{name}, payload)" if payload_fields(message) else "~0u",
        f"(verify_msg_size_fn_t){verify}msg_size",
        f"(generic_swap_fn_t)vapi_msg_{name}_hton",
        f"(generic_swap_fn_t)vapi_msg_{name}_ntoh",
        "VAPI_INVALID_MSG_ID",
        f"(verify_msg_size_fn_t){verify}{'wire' if counted else 'msg'}_size",
    ]
    out.line()
    head = "static void __attribute__((constructor))"
    if len(f"{head} __vapi_constructor_{name}(void)") <= WIDTH:
        out.line(f"{head} __vapi_constructor_{name}(void)")
    else:
        out.line(head)
        out.line(f"__vapi_constructor_{name}(void)")
    out.line("{")
    with out.indent():
        out.line(f'static const char name[] = "{name}";')
        out.line(f'static const char name_with_crc[] = "{message.name_crc}";')
        out.line(f"static vapi_message_desc_t __vapi_metadata_{name} = {{")
        with out.indent():
            for value in values:
                out.line(f"{value},")
        out.line("};")
        for line in call(f"vapi_msg_id_{name} = vapi_register_msg(", [f"&__vapi_metadata_{name}"]):
            out.line(line)
    out.line("}")


def _event_callback(out: Writer, message: Message) -> None:
    name = message.name
    parameters = [_CTX, f"vapi_event_cb_{name}_t callback", "void *callback_ctx"]
    items = ["ctx", f"vapi_msg_id_{name}", "(vapi_event_cb)callback", "callback_ctx"]
    function(
        out,
        f"void vapi_set_vapi_msg_{name}_event_cb",
        parameters,
        call("vapi_set_event_cb(", items),
        "For when it comes unasked: the callback gets the start of the message.",
    )
