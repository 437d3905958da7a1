"""What a client tells about itself: counters, and log lines."""

from __future__ import annotations

import asyncio
import logging

import pytest

from vapi_cffi import Client, Timeout, aio, connect
from vapi_cffi.sim import Peer

COUNTERS = {"sent", "received", "dropped", "retries", "ring_misses", "queue_full"}


def test_counters(client: Client, peer: Peer) -> None:
    before = client.stats
    assert before.keys() >= COUNTERS
    for _ in range(5):
        client.api.control_ping()
    after = client.stats
    assert after["sent"] - before["sent"] >= 5
    assert after["received"] - before["received"] >= 5
    if client.transport != "socket":
        client.api.show_version()
        peer.faults.miss_rings(3)
        for _ in range(3):
            client.api.control_ping()
        assert client.stats["ring_misses"] - after["ring_misses"] >= 3


def test_retries_count_connects_that_did_not_work(peer: Peer) -> None:
    with connect(peer.address(), reconnect=True) as client:
        peer.stop()
        with pytest.raises(ConnectionError):
            list(iter(client.api.control_ping, None))
        with pytest.raises(Timeout):
            client.wait_connected(0.3)
        assert client.stats["retries"] >= 2


SECRET = "show version"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "vapi_cffi")
    return caplog


def test_names_are_logged_and_no_payload(said: pytest.LogCaptureFixture, client: Client) -> None:
    client.cli(SECRET)
    client.api.sw_interface_dump().all()
    assert "cli_inband answered" in said.text
    assert "sw_interface_dump sent" in said.text
    assert "sw_interface_dump is complete" in said.text
    assert SECRET not in said.text
    assert "local0" not in said.text


def test_the_same_with_asyncio(said: pytest.LogCaptureFixture, peer: Peer) -> None:
    async def main() -> None:
        async with aio.connect(peer.address()) as vpp:
            assert vpp.stats.keys() >= COUNTERS
            await asyncio.gather(vpp.cli(SECRET), vpp.api.show_version())
            await vpp.api.sw_interface_dump().all()

    asyncio.run(main())
    for line in ("cli_inband sent", "show_version_reply received", "sw_interface_details received"):
        assert line in said.text
    assert SECRET not in said.text
    assert "local0" not in said.text


def test_silent_by_default(capfd: pytest.CaptureFixture[str], client: Client) -> None:
    client.cli(SECRET)
    assert capfd.readouterr() == ("", "")
