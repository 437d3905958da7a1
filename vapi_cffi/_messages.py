"""The few messages that the command line, the demo and the benchmarks speak before any definition
of the API is loaded: laid out by hand here, and nowhere else. CRCs and layouts are VPP 26.06's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ._connection import Connection
from ._errors import ApiError, BadMessage
from ._table import CONTROL_PING as CONTROL_PING
from ._table import CONTROL_PING_REPLY as CONTROL_PING_REPLY

SHOW_VERSION = "show_version_51077d14"
SHOW_VERSION_REPLY = "show_version_reply_c919bde1"
CLI_INBAND = "cli_inband_f8377302"
CLI_INBAND_REPLY = "cli_inband_reply_05879051"
CREATE_LOOPBACK = "create_loopback_42bb5d22"
CREATE_LOOPBACK_REPLY = "create_loopback_reply_5383d31f"
DELETE_LOOPBACK = "delete_loopback_f9e6675e"
DELETE_LOOPBACK_REPLY = "delete_loopback_reply_e8d4e804"
SW_INTERFACE_SET_FLAGS = "sw_interface_set_flags_f5aec1b8"
SW_INTERFACE_SET_FLAGS_REPLY = "sw_interface_set_flags_reply_e8d4e804"
WANT_INTERFACE_EVENTS = "want_interface_events_476f5a08"
WANT_INTERFACE_EVENTS_REPLY = "want_interface_events_reply_e8d4e804"
SW_INTERFACE_EVENT = "sw_interface_event_2d3d95a7"
SW_INTERFACE_DUMP = "sw_interface_dump_aa610c27"
SW_INTERFACE_DETAILS = "sw_interface_details_6c221fc7"

#: Every request begins with: number, client_index, context. The last two are filled in on the way.
_REQUEST = struct.Struct(">HII")
#: Every answer to one begins with: number, context (opaque), retval.
_REPLY = struct.Struct(">HIi")
_EVENT = struct.Struct(">HIIII?")
_DETAILS = struct.Struct(">HIII6sII")
_DETAILS_NAME = slice(103, 167)

ADMIN_UP = 1


def request(connection: Connection, name_crc: str, body: bytes = b"", context: int = 0) -> bytes:
    """A request in wire bytes, its client_index filled in (calls would do so as well)."""
    head = _REQUEST.pack(connection.find(name_crc), 0, context)
    return head[:2] + connection.client_index + head[6:] + body


def retval(reply: bytes | memoryview) -> int:
    """The retval of an answer; `BadMessage` when it is too short to have one."""
    if len(reply) < _REPLY.size:
        raise BadMessage(f"an answer of {len(reply)} bytes has no retval")
    value: int = _REPLY.unpack_from(reply)[2]
    return value


def ask(
    connection: Connection,
    name_crc: str,
    reply_crc: str,
    body: bytes = b"",
    timeout: float | None = None,
) -> bytes:
    """One request and the rest of its answer, behind the retval; `ApiError` when that is
    negative."""
    reply = connection.call(
        request(connection, name_crc, body), connection.find(reply_crc), timeout=timeout
    )
    value = retval(reply)
    if value < 0:
        name = name_crc.rpartition("_")[0]
        raise ApiError(f"{name}: VPP answered {value}", retval=value)
    return reply[_REPLY.size :]


def text(field: bytes) -> str:
    """A string of fixed size: up to its NUL."""
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Version:
    """The answer to show_version."""

    program: str
    version: str
    build_date: str
    build_directory: str


def ping(connection: Connection, timeout: float | None = None) -> int:
    """One control_ping; returns VPP's process id."""
    rest = ask(connection, CONTROL_PING, CONTROL_PING_REPLY, timeout=timeout)
    return int.from_bytes(rest[4:8], "big")


def show_version(connection: Connection, timeout: float | None = None) -> Version:
    """What VPP says it is."""
    rest = ask(connection, SHOW_VERSION, SHOW_VERSION_REPLY, timeout=timeout)
    return Version(text(rest[:32]), text(rest[32:64]), text(rest[64:96]), text(rest[96:352]))


def cli(connection: Connection, command: str, timeout: float | None = None) -> str:
    """What VPP's own command line answers to a command."""
    line = command.encode()
    body = len(line).to_bytes(4, "big") + line
    rest = ask(connection, CLI_INBAND, CLI_INBAND_REPLY, body, timeout)
    size = int.from_bytes(rest[:4], "big")
    if size > len(rest) - 4:
        raise BadMessage(f"cli_inband_reply: {size} bytes of text announced, {len(rest) - 4} there")
    return rest[4 : 4 + size].rstrip(b"\0").decode("utf-8", "replace")


def create_loopback(connection: Connection) -> int:
    """A new loopback interface; returns its sw_if_index."""
    return int.from_bytes(
        ask(connection, CREATE_LOOPBACK, CREATE_LOOPBACK_REPLY, bytes(6))[:4], "big"
    )


def delete_loopback(connection: Connection, sw_if_index: int) -> None:
    """Removes a loopback interface."""
    ask(connection, DELETE_LOOPBACK, DELETE_LOOPBACK_REPLY, sw_if_index.to_bytes(4, "big"))


def set_flags(connection: Connection, sw_if_index: int, *, up: bool) -> None:
    """Sets an interface up or down."""
    body = struct.pack(">II", sw_if_index, ADMIN_UP if up else 0)
    ask(connection, SW_INTERFACE_SET_FLAGS, SW_INTERFACE_SET_FLAGS_REPLY, body)


def want_events(connection: Connection, pid: int, *, enable: bool = True) -> None:
    """Asks for sw_interface_event messages, or no more."""
    body = struct.pack(">II", enable, pid)
    ask(connection, WANT_INTERFACE_EVENTS, WANT_INTERFACE_EVENTS_REPLY, body)


@dataclass(frozen=True, slots=True)
class InterfaceEvent:
    """sw_interface_event: what became of an interface."""

    sw_if_index: int
    flags: int
    deleted: bool

    @classmethod
    def parse(cls, data: bytes | memoryview) -> InterfaceEvent:
        if len(data) < _EVENT.size:
            raise BadMessage(f"sw_interface_event has {_EVENT.size} bytes, not {len(data)}")
        _, _, _, index, flags, deleted = _EVENT.unpack_from(data)
        return cls(index, flags, deleted)


@dataclass(frozen=True, slots=True)
class Interface:
    """The part of sw_interface_details that is shown."""

    sw_if_index: int
    name: str
    mac: str
    flags: int

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Interface:
        if len(data) < _DETAILS_NAME.stop:
            raise BadMessage(f"sw_interface_details is cut short: {len(data)} bytes")
        _, _, index, _, mac, flags, _ = _DETAILS.unpack_from(data)
        return cls(index, text(bytes(data[_DETAILS_NAME])), mac.hex(":"), flags)


def dump_request(connection: Connection, context: int) -> bytes:
    """sw_interface_dump of all interfaces; a control_ping with the same context ends it."""
    return request(
        connection, SW_INTERFACE_DUMP, struct.pack(">I?I", 0xFFFFFFFF, False, 0), context
    )
