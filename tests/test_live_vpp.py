"""Against a running VPP, when VAPI_TEST_VPP_SOCKET and VAPI_TEST_VPP_SHM_PREFIX say where one
is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest

from vapi_cffi import Connection, _messages

pytestmark = pytest.mark.live

Make = Callable[..., Connection]


def test_says_its_version(live: Make) -> None:
    with live() as connection:
        version = _messages.show_version(connection)
        assert version.program == "vpe"
        assert version.version in _messages.cli(connection, "show version")


def test_a_hundred_thousand_pings(live: Make) -> None:
    with live() as connection:
        ping = _messages.request(connection, _messages.CONTROL_PING)
        reply = connection.find(_messages.CONTROL_PING_REPLY)
        result = connection.pump(ping, count=100_000, reply_id=reply)
        assert result.ok
        for _ in range(1000):
            assert _messages.ping(connection) > 0


def test_interfaces_and_events(live: Make) -> None:
    with live() as connection:
        index = _messages.create_loopback(connection)
        try:
            connection.send_many(
                [
                    _messages.dump_request(connection, 3),
                    _messages.request(connection, _messages.CONTROL_PING, context=3),
                ]
            )
            found = []
            while True:
                with connection.recv(5.0) as message:
                    if message.id == connection.find(_messages.CONTROL_PING_REPLY):
                        break
                    found.append(_messages.Interface.parse(message.data))
            assert index in {interface.sw_if_index for interface in found}
            assert "local0" in {interface.name for interface in found}
            _messages.want_events(connection, os.getpid())
            _messages.set_flags(connection, index, up=True)
            with connection.recv(5.0) as message:
                event = _messages.InterfaceEvent.parse(message.data)
            assert (event.sw_if_index, event.flags & 1) == (index, 1)
        finally:
            _messages.delete_loopback(connection, index)


def _used_mib(connection: Connection) -> float:
    """What VPP says is used of the memory that messages live in."""
    text = _messages.cli(connection, "show memory api-segment")
    match = re.search(r"used: ([0-9.]+)([KMG])", text)
    assert match is not None, text
    return float(match[1]) * {"K": 1 / 1024, "M": 1.0, "G": 1024.0}[match[2]]


def test_a_million_messages_leave_vpps_memory_as_it_was(live: Make) -> None:
    with live(timeout=60) as connection:
        ping = _messages.request(connection, _messages.CONTROL_PING)
        assert connection.pump(ping, count=100_000, keep_retvals=False).ok
        before = _used_mib(connection)
        assert connection.pump(ping, count=1_000_000, keep_retvals=False).ok
        assert _used_mib(connection) - before < 0.05
        assert connection.stats["bad"] == 0
