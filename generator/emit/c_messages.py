"""C definitions of messages: structs, swaps, sizes, registration, allocation, calls, callbacks."""

from __future__ import annotations

from collections.abc import Sequence

from ..kinds import Field, find_field, unalias
from ..model import (
    BaseType,
    Header,
    Message,
    Role,
    Rpc,
    Service,
    Shape,
    Struct,
    Tail,
    Type,
)
from ..naming import c_field, c_size_parameter, c_type
from ..schema import FieldDecl  # noqa: F401
from ..writer import Writer
from .c_text import call, comment, function
from .c_types import PACKED, check_size, code, emit_members, emit_swap, guarded

#: Header structs of vapi_internal.h. The others have none: their payload starts with the number.
HEADERS = {Header.REQUEST: "vapi_type_msg_header2_t", Header.REPLY: "vapi_type_msg_header1_t"}
