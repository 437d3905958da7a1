"""What vpp_papi has under this name: the types, and the table of them."""

from __future__ import annotations

from typing import Any

from ._errors import VPPSerializerValueError
from ._lists import FixedList, FixedList_u8, VLAList, VLAList_legacy
from ._message import VPPMessage
from ._named import VPPEnumFlagType, VPPEnumType, VPPTypeAlias, VPPUnionType
from ._packers import BaseTypes, Packer, String
from ._registry import get_message, message_cache, types, vpp_get_type
from ._structs import VPPType

__all__ = (
    "BaseTypes",
    "FixedList",
    "FixedList_u8",
    "Packer",
    "String",
    "VLAList",
    "VLAList_legacy",
    "VPPEnumFlagType",
    "VPPEnumType",
    "VPPMessage",
    "VPPSerializerValueError",
    "VPPType",
    "VPPTypeAlias",
    "VPPUnionType",
    "get_message",
    "message_cache",
    "types",
    "vpp_get_type",
)


def __getattr__(name: str) -> Any:
    """Tuples and enums by name: that is how pickle finds them."""
    found = None if name.startswith("__") else vpp_get_type(name)
    made = getattr(found, "enum", None) if isinstance(found, VPPEnumType) else None
    made = made or getattr(found, "tuple", None)
    if made is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return made
