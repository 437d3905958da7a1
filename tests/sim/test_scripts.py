"""The peer as agents' tests use it: scripts, recorded requests, events, over all transports."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

import vapi_cffi
from vapi_cffi import Client, Transport
from vapi_cffi.sim import ALL_CLIENTS, Peer, Request

PLUGIN = """
option version = "1.0.0";
enum mood : u8 { MOOD_GOOD = 1, MOOD_BAD = 2, };
autoreply define pet_feed { u32 client_index; u32 context; string name[16]; };
define pet_dump { u32 client_index; u32 context; };
define pet_details { u32 context; string name[16]; vl_api_mood_t mood; };
define pet_v2_get { u32 client_index; u32 context; u32 cursor; };
define pet_v2_get_reply { u32 context; i32 retval; u32 cursor; };
define pet_v2_details { u32 context; string name[16]; u16 n; u32 toys[n]; };
autoreply define want_pet_events { u32 client_index; u32 context; bool enable; u32 pid; };
define pet_event { u32 client_index; u32 pid; vl_api_mood_t mood; };
service {
  rpc pet_v2_get returns pet_v2_get_reply stream pet_v2_details;
  rpc want_pet_events returns want_pet_events_reply events pet_event;
};
"""


@pytest.fixture
def peer(tmp_path: Path, shm_prefix: str) -> Iterator[Peer]:
    (tmp_path / "pet.api").write_text(PLUGIN, encoding="utf-8")
    with Peer(str(tmp_path / "api.sock"), shm_prefix, api=[tmp_path / "pet.api"]) as running:
        running.record()
        yield running


@pytest.fixture
def client(peer: Peer, transport: Transport) -> Iterator[Client]:
    with vapi_cffi.connect(
        peer.address(transport), transport=transport, name="agent", timeout=5.0
    ) as connected:
        yield connected


def outcome(call: Any, **fields: Any) -> int:
    return int(call.raw(**fields).retval)


def test_steps_in_order(peer: Peer, client: Client) -> None:
    create = client.api.create_loopback
    script = peer.on("create_loopback").reply(retval=-56).reply(-1).times(2).reply(sw_if_index=7)
    assert [outcome(create) for _ in range(3)] == [-56, -1, -1]
    assert [create().sw_if_index for _ in range(3)] == [7, 7, 7]
    assert script.requests == 6
    peer.off("create_loopback")
    assert create().sw_if_index == 1


def test_behind_the_last_step_the_peer_answers_by_itself(peer: Peer, client: Client) -> None:
    peer.on("create_loopback").reply(retval=-56).times(1)
    with pytest.raises(vapi_cffi.ApiError) as caught:
        client.api.create_loopback()
    assert caught.value.retval == -56
    assert client.api.create_loopback().sw_if_index == 1
    peer.on("sw_interface_dump").details([{"sw_if_index": 9}]).times(1).passthrough()
    assert [item.sw_if_index for item in client.api.sw_interface_dump()] == [9]
    assert [item.sw_if_index for item in client.api.sw_interface_dump()] == [0, 1]
    assert len(peer.requests["sw_interface_dump"]) == 2


def test_functions(peer: Peer, client: Client) -> None:
    @peer.on("pet_feed")
    def feed(request: Request) -> int:
        return -2 if request.args.name == "rex" else 0

    assert outcome(client.api.pet_feed, name="rex") == -2
    assert outcome(client.api.pet_feed, name="tom") == 0
    peer.on("pet_feed").reply(-3).call(lambda request: request.reply(len(request.args.name)))
    assert [outcome(client.api.pet_feed, name="tom") for _ in range(2)] == [-3, 3]


def test_dumps_and_streams(peer: Peer, client: Client) -> None:
    kind = client.message_class("pet_details")
    rows = [{"name": f"pet{number}", "mood": "good"} for number in range(1000)]
    peer.on("pet_dump").details([kind(name="rex", mood="bad"), *rows])
    found = client.api.pet_dump().all()
    assert (len(found), found[0].name, found[-1].name) == (1001, "rex", "pet999")
    assert found[0].mood == 2
    peer.on("pet_v2_get").details([{"name": "rex", "toys": [1, 2]}], retval=-165, cursor=5).details(
        [{"name": "tom"}]
    )
    found = client.api.pet_v2_get().all()
    assert [(item.name, list(item.toys)) for item in found] == [("rex", [1, 2]), ("tom", [])]
    assert [request.cursor for request in peer.requests["pet_v2_get"]] == [0, 5]


def test_lost_and_late_answers(peer: Peer, client: Client) -> None:
    peer.on("pet_feed").drop().times(1)
    with pytest.raises((vapi_cffi.NoResponse, vapi_cffi.Timeout)):
        client.api.pet_feed(name="rex", _timeout=0.2)
    assert outcome(client.api.pet_feed, name="rex") == 0
    peer.on("pet_feed").delay(0.15)
    began = time.monotonic()
    client.api.pet_feed(name="rex")
    assert 0.15 <= time.monotonic() - began < 4.5  # the client's patience is 5
    peer.on("pet_feed").reply(-9).delay(0.1).times(1)
    assert outcome(client.api.pet_feed, name="rex") == -9
    assert outcome(client.api.pet_feed, name="rex") == 0


def test_a_late_answer_holds_nobody_else_up(peer: Peer) -> None:
    with vapi_cffi.connect(peer.address()) as late, vapi_cffi.connect(peer.address()) as other:
        other.api.pet_feed(name="tom")
        peer.on("pet_feed").reply().delay(1.0).times(1)
        waiting = threading.Thread(target=late.api.pet_feed, kwargs={"name": "rex"})
        waiting.start()
        peer.requests.wait("pet_feed", 2)
        other.api.pet_feed(name="tom")
        assert waiting.is_alive()
        waiting.join(10)
        assert not waiting.is_alive()


def test_disconnect(peer: Peer) -> None:
    with vapi_cffi.connect(peer.address()) as client:
        peer.on("pet_feed").disconnect()
        with pytest.raises(vapi_cffi.ConnectionLost):
            client.api.pet_feed(name="rex")
    peer.off("pet_feed")
    with vapi_cffi.connect(peer.address()) as again:
        again.api.pet_feed(name="rex")


def test_requests(peer: Peer, client: Client) -> None:
    peer.requests.clear()
    route = {"prefix": "10.0.0.0/8", "paths": [{"nh": {"address": {"ip4": "192.0.2.1"}}}]}
    client.api.ip_route_add_del(is_add=True, route=route)
    client.api.pet_dump().all()
    assert peer.requests.names == ["ip_route_add_del", "pet_dump"]
    (message,) = peer.requests["ip_route_add_del"]
    assert message.route.prefix == IPv4Network("10.0.0.0/8")
    assert message.is_add is True
    assert len(peer.requests) == 2
    assert peer.requests[0].args == message
    assert peer.requests[-1].name == "pet_dump"
    assert [request.name for request in peer.requests[:1]] == ["ip_route_add_del"]
    assert "IpRouteAddDel(is_add=True" in repr(peer.requests[0])
    (request,) = peer.requests.named("ip_route_add_del")
    assert request.transport in (client.transport, "socket")
    if client.transport == "socket":
        assert len(peer.requests["control_ping"]) == 1
    assert peer.requests["pet_feed"] == []
    peer.requests.clear()
    assert peer.requests.names == []


def test_waiting_for_requests(peer: Peer, client: Client) -> None:
    timer = threading.Timer(0.1, client.api.pet_feed, kwargs={"name": "rex"})
    timer.start()
    assert peer.requests.wait("pet_feed")[0].name == "rex"
    timer.join()
    with pytest.raises(vapi_cffi.Timeout, match=r"1 pet_feed of 2 came within 0\.1 s; there were "):
        peer.requests.wait("pet_feed", 2, timeout=0.1)


def test_interface_events(peer: Peer, client: Client) -> None:
    with client.events("sw_interface_event") as events:
        assert peer.send_event("sw_interface_event", sw_if_index=3, flags="link_up") == 1
        event = events.get(timeout=5)
        assert (event.sw_if_index, event.flags) == (3, 2)
    with pytest.raises(vapi_cffi.Timeout, match="no client asked for it by want_interface_events"):
        peer.send_event("sw_interface_event", _timeout=0.05)


def test_events_of_plugins(peer: Peer, client: Client) -> None:
    with pytest.raises(vapi_cffi.Timeout, match=r"by want_pet_events within 0\.05 s"):
        peer.send_event("pet_event", _timeout=0.05)
    got: list[int] = []

    def agent() -> None:
        with client.events("pet_event") as events:
            got.append(events.get(timeout=5).mood)

    thread = threading.Thread(target=agent)
    thread.start()
    assert peer.send_event("pet_event", mood="bad") == 1  # waits for the agent
    thread.join(10)
    assert got == [2]
    # It has unsubscribed.
    with pytest.raises(vapi_cffi.Timeout):
        peer.send_event("pet_event", _timeout=0.05)
    assert peer.send_event("pet_event", _to=ALL_CLIENTS) == 1


def test_a_refused_subscription_is_none(peer: Peer, client: Client) -> None:
    peer.on("want_pet_events").reply(retval=-31)
    with pytest.raises(vapi_cffi.ApiError):
        client.events("pet_event")
    with pytest.raises(vapi_cffi.Timeout):
        peer.send_event("pet_event", _timeout=0.05)


def test_subscribers_that_went_are_forgotten(peer: Peer) -> None:
    with vapi_cffi.connect(peer.address()) as one, vapi_cffi.connect(peer.address()) as two:
        for client in (one, two):
            client.api.want_pet_events(enable=True, pid=1)
        assert peer.send_event("pet_event", mood=1) == 2
        two.close()
        one.api.pet_feed(name="rex")
        while len(peer.clients) > 1:  # the peer notices in its own time; pytest's timeout ends this
            one.api.pet_feed(name="rex")
        assert peer.send_event("pet_event", mood=1) == 1


def test_wrong_names_and_values_say_what_is_right(peer: Peer) -> None:
    with pytest.raises(KeyError, match="no message 'pet_fed': did you mean 'pet_feed'"):
        peer.on("pet_fed")
    with pytest.raises(KeyError, match="did you mean 'pet_event'"):
        peer.send_event("pet_evnt")
    with pytest.raises(KeyError, match="did you mean 'pet_dump'"):
        peer.requests["pet_dmp"]
    with pytest.raises(vapi_cffi.InvalidArgument, match="no field 'retvl': did you mean 'retval'"):
        peer.on("pet_feed").reply(retvl=-1)
    with pytest.raises(vapi_cffi.InvalidArgument, match="pet_dump has no reply; use details"):
        peer.on("pet_dump").reply()
    with pytest.raises(vapi_cffi.InvalidArgument, match="pet_event has no reply: it is no request"):
        peer.on("pet_event").reply()
    with pytest.raises(KeyError, match="pet_feed is no dump and no stream"):
        peer.on("pet_feed").details()
    with pytest.raises(vapi_cffi.InvalidArgument, match=r"pet_details\.mood: expected"):
        peer.on("pet_dump").details([{"mood": "sad"}])
    with pytest.raises(vapi_cffi.InvalidArgument, match="no reply ends it"):
        peer.on("pet_dump").details([], retval=1)
    with pytest.raises(vapi_cffi.InvalidArgument, match="did you mean 'mood'"):
        peer.send_event("pet_event", moods=1)
    with pytest.raises(vapi_cffi.InvalidArgument, match="expected at least 1"):
        peer.on("pet_feed").reply().times(0)
    with pytest.raises(vapi_cffi.InvalidArgument, match="belongs behind reply"):
        peer.on("pet_feed").times(1)
    with pytest.raises(vapi_cffi.InvalidArgument, match="expected seconds"):
        peer.on("pet_feed").reply().delay(-1)
    with Peer() as fresh, pytest.raises(ValueError, match=r"call peer\.record\(\) first"):
        len(fresh.requests)
