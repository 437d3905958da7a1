"""Different requests in flight, each with its result."""

from __future__ import annotations

from pathlib import Path

import pytest

from vapi_cffi import (
    ApiError,
    Client,
    ConnectionLost,
    InvalidArgument,
    MisuseError,
    NoResponse,
    NoSuchMessage,
    Pipeline,
    PipelinedCall,
    Timeout,
    Transport,
    connect,
)
from vapi_cffi.sim import Peer, SpawnedPeer


def test_order_and_results(client: Client) -> None:
    with client.pipeline(depth=16) as p:
        loops = [p.api.create_loopback() for _ in range(100)]
        version = p.api.show_version()
        wrong = p.api.sw_interface_set_flags(sw_if_index=9999, flags=1)
        dump = p.api.sw_interface_dump()
        text = p.api["cli_inband"](cmd="show version")
    assert len(p.calls) == 104
    assert all(call.is_done for call in p.calls)
    assert [call.result().sw_if_index for call in loops] == list(range(1, 101))
    assert version.result().program == "vpe"
    assert version.exception() is None
    with pytest.raises(ApiError, match="sw_interface_set_flags") as caught:
        wrong.result()
    assert wrong.exception() is caught.value
    assert [item.sw_if_index for item in dump.result()] == list(range(101))
    assert text.result().reply
    assert repr(p) == "<Pipeline: 104 calls, 0 under way>"
    assert client.api.show_version().program == "vpe"


def test_results_inside_of_the_block(client: Client) -> None:
    with client.pipeline() as p:
        first = p.api.create_loopback()
        assert "waiting" in repr(first)
        index = first.result().sw_if_index
        up = p.api.sw_interface_set_flags(sw_if_index=index, flags="admin_up")
        p.wait()
        assert up.is_done
        later = p.api.sw_interface_dump(sw_if_index=index)
    (found,) = later.result()
    assert found.sw_if_index == index
    assert int(found.flags) & 1


def test_depth_is_kept(client: Client, peer: Peer) -> None:
    with client.pipeline(depth=8) as p:
        for number in range(200):
            p.api.show_version()
            assert sum(not call.is_done for call in p.calls) <= 8, number
    assert all(call.result().program == "vpe" for call in p.calls)


def test_lost_answers(client: Client, peer: Peer) -> None:
    client.api.show_version()
    peer.faults.drop("show_version_reply", 2)
    peer.flush()
    with client.pipeline() as p:
        calls = [p.api.show_version() for _ in range(5)]
    assert [isinstance(call.exception(), NoResponse) for call in calls] == [True] * 2 + [False] * 3
    with pytest.raises(NoResponse, match="show_version: VPP answered later"):
        calls[0].result()


def test_no_answer_in_time(client: Client, peer: Peer) -> None:
    client.api.show_version()
    with peer.faults.stalled(), client.pipeline(timeout=0.1) as p:
        call = p.api.show_version()
        with pytest.raises(Timeout, match=r"1 requests without an answer for 0.1 s"):
            call.result()
        peer.faults.resume()
        assert call.result(timeout=5).program == "vpe"
        peer.faults.stall(None)
        p.api.show_version()
        with pytest.raises(Timeout):
            p.wait()
        peer.faults.resume()


def test_left_by_an_exception(client: Client) -> None:
    sent: list[PipelinedCall] = []

    def leave(p: Pipeline) -> None:
        with p:
            sent.extend(p.api.create_loopback() for _ in range(30))
            raise ZeroDivisionError

    p = client.pipeline(depth=100)
    with pytest.raises(ZeroDivisionError):
        leave(p)
    with pytest.raises(MisuseError, match="the pipeline ended before the answer came"):
        sent[-1].result()
    with pytest.raises(MisuseError, match="create_loopback: this pipeline has ended"):
        p.api.create_loopback()
    p.close()
    assert len(client.api.sw_interface_dump().all()) == 1 + 25  # a quarter of the depth at a time


def test_bad_requests(client: Client) -> None:
    with client.pipeline() as p:
        with pytest.raises(NoSuchMessage):
            p.api.create_loopbak()
        with pytest.raises(InvalidArgument, match="sw_interface_set_flags has no field"):
            p.api.sw_interface_set_flags(nonsense=1)
        assert "create_loopback" in dir(p.api)
    assert not p.calls
    with pytest.raises(InvalidArgument, match="depth"):
        client.pipeline(depth=0)


def test_streams_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.api").write_text(
        'option version = "1.0.0";\n'
        "define t_get { u32 client_index; u32 context; u32 cursor; };\n"
        "define t_get_reply { u32 context; i32 retval; u32 cursor; };\n"
        "define t_details { u32 context; };\n"
        "service { rpc t_get returns t_get_reply stream t_details; };\n"
    )
    with (
        Peer(api=[tmp_path / "t.api"]) as peer,
        connect(peer.address()) as client,
        client.pipeline() as p,
        pytest.raises(InvalidArgument, match="t_get is a stream"),
    ):
        p.api.t_get()


def test_the_end_of_the_peer(transport: Transport) -> None:
    with SpawnedPeer() as peer, connect(peer.address(transport), transport=transport) as client:
        client.api.show_version()
        p = client.pipeline(depth=10**6)
        call = p.api.show_version()
        peer.kill()
        with pytest.raises(ConnectionLost):
            p.wait()
        with pytest.raises(ConnectionLost):
            call.result()
        p.close()


def test_beside_other_calls(client: Client) -> None:
    """Events and calls of the same client go their own ways."""
    with client.events("sw_interface_event") as events, client.pipeline(depth=4) as p:
        made = [p.api.create_loopback() for _ in range(10)]
        assert client.api.show_version().program == "vpe"
        assert len(client.api.sw_interface_dump().all()) >= 1
        index = made[-1].result().sw_if_index
        p.api.sw_interface_set_flags(sw_if_index=index, flags=1).result()
        assert index in (events.get(timeout=5).sw_if_index for _ in range(11))
