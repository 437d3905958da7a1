"""Every message of VPP 26.06: decode of encode is the identity, and the bytes are those of an
independent encoder that follows the definitions field by field."""

from __future__ import annotations

import ipaddress
import struct
from typing import Any

import pytest
from _python_values import Values
from hypothesis import given, settings
from hypothesis import strategies as st

from vapi_cffi import BadMessage
from vapi_cffi._addresses import MACAddress
from vapi_cffi._catalog import Scope
from vapi_cffi._codec import MessageCodec
from vapi_cffi._values import ApiUnion, ApiValue

NUMBERS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q"}
NUMBERS |= {name.replace("u", "i"): code.lower() for name, code in NUMBERS.items()}


class Reference:
    """Wire bytes by the book: one field after the other, straight from the JSON."""

    def __init__(self, documents: Any) -> None:
        self.documents = documents

    def message(self, name: str, value: ApiValue, number: int) -> bytes:
        items = [item for item in self.documents.messages[name][1:] if isinstance(item, list)]
        out = struct.pack(">H", number)
        rest = items[1:]
        names = [item[1] for item in rest[:2]]
        # A client_index behind the context is a field like any other.
        skipped = 2 if names == ["client_index", "context"] else 1
        if names and names[0] in ("client_index", "context"):
            out += bytes(4 * skipped)
            rest = rest[skipped:]
        return out + self.fields(rest, value)

    def fields(self, items: list[Any], value: ApiValue) -> bytes:
        out = b""
        for item in items:
            attribute = f"{item[1]}_" if item[1] in ("from", "class", "is", "as") else item[1]
            out += self.field(item, getattr(value, attribute))
        return out

    def field(self, item: list[Any], value: Any) -> bytes:
        spelling, length = item[0], item[2] if len(item) > 2 else None
        if not isinstance(length, int):
            return self.one(spelling, value)
        if spelling == "string":
            raw = value.encode()
            return raw.ljust(length, b"\0") if length else struct.pack(">I", len(raw)) + raw
        return b"".join(self.one(spelling, element) for element in value)

    def one(self, spelling: str, value: Any) -> bytes:
        if spelling in NUMBERS:
            return struct.pack(f">{NUMBERS[spelling]}", value)
        if spelling == "bool":
            return b"\1" if value else b"\0"
        if spelling == "f64":
            return struct.pack("=d", value)
        name = spelling[len("vl_api_") : -len("_t")]
        section, raw = self.documents.types[name]
        if isinstance(value, MACAddress | ipaddress.IPv4Address | ipaddress.IPv6Address):
            return self.address(name, value)
        if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return self.prefix(name, value.network_address, value.prefixlen)
        if section in ("enums", "enumflags"):
            return struct.pack(f">{NUMBERS[raw[-1]['enumtype']]}", value)
        if section == "aliases":
            length = raw.get("length")
            return self.field([raw["type"], name, *([] if length is None else [length])], value)
        items = [item for item in raw[1:] if isinstance(item, list)]
        if section == "unions":
            assert isinstance(value, ApiUnion)
            assert value.which is not None
            arm = next(item for item in items if item[1] == value.which)
            return self.field(arm[:2], getattr(value, value.which)).ljust(self.size(items), b"\0")
        return self.fields(items, value)

    def address(self, name: str, value: Any) -> bytes:
        if isinstance(value, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
            return self.prefix(name, value.ip, value.network.prefixlen)
        if name != "address":
            return bytes(value.packed)
        return bytes([value.version == 6]) + value.packed.ljust(16, b"\0")

    def prefix(self, name: str, address: Any, length: int) -> bytes:
        if name.startswith("ip"):
            return bytes(address.packed) + bytes([length])
        return self.address("address", address) + bytes([length])

    def size(self, arms: list[Any]) -> int:
        return max(
            self.size_of(arm[0]) * (arm[2] if isinstance(arm[-1], int) else 1) for arm in arms
        )

    def size_of(self, spelling: str) -> int:
        if spelling in NUMBERS:
            return struct.calcsize(f">{NUMBERS[spelling]}")
        if spelling in ("bool", "string", "f64"):
            return 8 if spelling == "f64" else 1
        section, raw = self.documents.types[spelling[len("vl_api_") : -len("_t")]]
        if section == "aliases":
            return self.size_of(raw["type"]) * raw.get("length", 1)
        if section in ("enums", "enumflags"):
            return self.size_of(raw[-1]["enumtype"])
        items = [item for item in raw[1:] if isinstance(item, list)]
        if section == "unions":
            return self.size(items)
        return sum(
            self.size_of(item[0]) * (item[2] if len(item) > 2 and isinstance(item[2], int) else 1)
            for item in items
        )


def check(codec: MessageCodec, reference: Reference, seed: int) -> None:
    given_fields = Values(seed).of_block(codec)
    value = codec.cls(**given_fields)
    packed = codec.encode_value(value, 0x1234)
    assert packed == reference.message(codec.name, value, 0x1234), codec.name
    assert codec.encode(0x1234, given_fields) == packed
    back = codec.decode(packed)
    assert isinstance(back, codec.cls)
    assert back == value
    assert codec.encode_value(back, 0x1234) == packed
    assert codec.accept(packed + b"pad") == value
    with pytest.raises(BadMessage, match=rf"^{codec.name}\b"):
        codec.decode(packed[:-1])
    if codec.tail is None or codec.count_place() is not None:
        with pytest.raises(BadMessage, match=rf"^{codec.name}\b"):
            codec.decode(packed + b"\0")


@pytest.mark.parametrize("seed", [1, 2])
def test_every_message_of_vpp(vpp: Scope, vpp_documents: Any, seed: int) -> None:
    reference = Reference(vpp_documents)
    assert len(vpp_documents.messages) == 2123
    for name in vpp_documents.messages:
        check(vpp.codec(name), reference, seed)


@settings(max_examples=300)
@given(data=st.data())
def test_any_message_of_vpp(vpp: Scope, vpp_documents: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(vpp_documents.messages)))
    check(vpp.codec(name), Reference(vpp_documents), data.draw(st.integers(0, 2**32)))


def fits(codec: MessageCodec, raw: bytes) -> bool:
    """Whether bytes are long enough for what they announce."""
    if codec.tail is None or len(raw) < codec.size:
        return len(raw) >= codec.size
    place = codec.count_place()
    if place is None:
        return (len(raw) - codec.size) % codec.tail.element_size == 0
    count = int.from_bytes(raw[place[0] : place[0] + place[1]], "big")
    return len(raw) >= codec.size + count * codec.tail.element_size


@settings(max_examples=300)
@given(data=st.data())
def test_any_bytes(vpp: Scope, vpp_documents: Any, data: st.DataObject) -> None:
    """Whatever comes is a message of which every field can be read, or `BadMessage`."""
    codec = vpp.codec(data.draw(st.sampled_from(sorted(vpp_documents.messages))))
    raw = data.draw(st.binary(max_size=4 * codec.size))
    if not fits(codec, raw):
        with pytest.raises(BadMessage, match=rf"^{codec.name}\b"):
            codec.accept(raw)
        return
    value = codec.accept(raw)
    assert repr(value).startswith(codec.cls.__name__)
    assert value == codec.accept(raw)


def test_header_and_offsets_agree_with_the_facts(vpp: Scope) -> None:
    """The shapes that IDL.md 4.2 counts: context by name, retval not always first."""
    assert vpp.codec("control_ping").header == ("client_index", "context")
    assert vpp.codec("control_ping_reply").context_offset == 2
    assert vpp.codec("control_ping_reply").retval_offset == 6
    assert vpp.codec("sw_interface_event").header == ("client_index",)
    assert vpp.codec("sw_interface_event").context_offset is None
    assert vpp.codec("feature_is_enabled_reply").context_offset == 6
    assert vpp.codec("acl_add_replace_reply").retval_offset == 10
    assert vpp.codec("ip_route_details").retval_offset is None
    assert vpp.codec("ip_address_details").size == 2 + 4 + 4 + 18


def where(codec: MessageCodec, text: str) -> bool:
    """Whether an error names the message and one of its fields, or its header."""
    heads = [f"{codec.name}.{item.api_name}" for item in codec.fields]
    return text.startswith((*heads, f"{codec.name}: "))


@settings(max_examples=100)
@given(data=st.data())
def test_every_wrong_length_is_named(vpp: Scope, vpp_documents: Any, data: st.DataObject) -> None:
    """Every shorter length of a message, and a longer one."""
    codec = vpp.codec(data.draw(st.sampled_from(sorted(vpp_documents.messages))))
    fields = Values(data.draw(st.integers(0, 2**32))).of_block(codec)
    wire = codec.encode_value(codec.cls(**fields), 0x1234)
    ends_with_message = codec.tail is not None and codec.count_place() is None
    for length in range(len(wire)):
        if ends_with_message and fits(codec, wire[:length]):
            continue  # an array up to the end is shorter then, and nobody can know
        with pytest.raises(BadMessage) as caught:
            codec.decode(wire[:length])
        assert where(codec, str(caught.value)), str(caught.value)
    if not ends_with_message:
        with pytest.raises(BadMessage) as caught:
            codec.decode(wire + b"\0")
        assert where(codec, str(caught.value)), str(caught.value)
