"""The drop-in's client by itself: its life, events, losses."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from papi.conftest import original

from vapi_cffi import Transport, papi
from vapi_cffi.papi import _ordered
from vapi_cffi.papi._ordered import Ordered
from vapi_cffi.papi.vpp_papi import VPPApiError
from vapi_cffi.papi.vpp_transport_socket import VppTransportSocketIOError
from vapi_cffi.sim import Peer, Request, SpawnedPeer


class Heard:
    """A callback that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: queue.Queue[tuple[str, Any]] = queue.Queue()

    def __call__(self, name: str, message: Any) -> None:
        self.messages.put((name, message))

    def next(self) -> tuple[str, Any]:
        return self.messages.get(timeout=5)


def toggle(api: Any, times: int = 1) -> None:
    for number in range(times):
        assert api.sw_interface_set_flags(sw_if_index=0, flags=(number + 1) % 2).retval == 0


def by_hand(client: Any, context: int) -> bytes:
    """show_version as a program might put it together."""
    request = bytearray(client.api.show_version_pack())
    request[2:6] = client.transport.socket_index.to_bytes(4, "big")
    request[6:10] = context.to_bytes(4, "big")
    return bytes(request)


# ---- life ----------------------------------------------------------------------------------


def test_over_every_transport(address: str, apifiles: list[str], leak_check: None) -> None:
    client = papi.VPPApiClient(apifiles=apifiles, server_address=address)
    assert client.connect("x") == 0
    assert client.api.show_version().program == "vpe"
    assert len(client.api.sw_interface_dump()) == 1
    assert client.disconnect() == 0
    assert client.disconnect() == 0


def test_bootstrap_needs_no_files(peer: Peer) -> None:
    client = papi.VPPApiClient(bootstrapapi=True, server_address=peer.socket_path)
    assert "sw_interface_dump" in client.messages
    client.connect("x")
    assert client.api.show_version().retval == 0
    client.disconnect()


def test_before_and_after(peer: Peer, apifiles: list[str]) -> None:
    client = papi.VPPApiClient(apifiles=apifiles, server_address=peer.socket_path)
    with pytest.raises(VPPApiError, match="Not connected"):
        _ = client.api
    client.connect_sync("x")
    with pytest.raises(VppTransportSocketIOError, match="Need to disconnect first"):
        client.connect("x")
    api = client.api
    client.disconnect()
    with pytest.raises(VppTransportSocketIOError, match="Not connected"):
        api.show_version()
    with pytest.raises(VppTransportSocketIOError, match="Not connected"):
        client.read_blocking()
    client.connect("x")
    assert client.api.show_version().retval == 0
    client.disconnect()


def test_nobody_there(either: Any, apifiles: list[str], tmp_path: Path) -> None:
    client = either.VPPApiClient(apifiles=apifiles, server_address=str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError) as caught:
        client.connect("x")
    assert not isinstance(caught.value, ConnectionError)
    assert client.disconnect() == 0


def test_nobody_listens(either: Any, apifiles: list[str], tmp_path: Path) -> None:
    import socket

    path = str(tmp_path / "dead")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)
    client = either.VPPApiClient(apifiles=apifiles, server_address=path)
    with pytest.raises(ConnectionRefusedError):
        client.connect("x")
    client.disconnect()


def test_a_peer_that_dies(own_peer_process: SpawnedPeer, apifiles: list[str]) -> None:
    client = papi.VPPApiClient(
        apifiles=apifiles, server_address=own_peer_process.socket_path, read_timeout=5
    )
    client.connect("x")
    client.register_event_callback(Heard())
    assert client.api.show_version().retval == 0
    own_peer_process.kill()
    with pytest.raises(OSError, match=r"read failed|Sendall|Not connected"):
        client.api.show_version()
    client.disconnect()


@pytest.mark.parametrize("callback", [None, Heard()], ids=["alone", "with a callback"])
def test_whose_call_it_was(either: Any, connect: Any, peer: Peer, callback: Any) -> None:
    """The call that VPP dies of has no answer; those after it are not even sent."""
    peer.on("show_version").disconnect()
    client = connect(either)
    client.register_event_callback(callback)
    with pytest.raises(client.VPPIOError, match="read failed"):
        client.api.show_version()
    for call in (client.api.control_ping, client.api.sw_interface_dump):
        with pytest.raises(OSError, match="Sendall error") as caught:
            call()
        assert caught.type.__name__ == "VppTransportSocketIOError"


def test_no_answer_in_time(connect: Any, peer: Peer) -> None:
    peer.on("show_version").drop()
    client = connect(papi, read_timeout=0.2)
    with pytest.raises(papi.VPPIOError, match="read failed"):
        client.api.show_version()
    with pytest.raises(client.VPPIOError):
        client.api.show_version(_timeout=0.1)
    assert client.api.control_ping(_timeout=10).retval == 0


def test_arguments(tmp_path: Path, apifiles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papi.VPPApiJSONFiles, "find_api_dir", lambda dirs: None)
    with pytest.raises(papi.VPPRuntimeError):
        papi.VPPApiClient()
    monkeypatch.undo()
    assert papi.VPPApiClient(testmode=True, apidir=str(tmp_path)).messages == {}
    with pytest.raises(papi.VPPValueError, match="Missing JSON"):
        papi.VPPApiClient(apidir=str(tmp_path))
    folder = str(Path(apifiles[0]).parent)
    assert "show_version" in papi.VPPApiClient(apidir=[folder]).messages

    class OldStyle(papi.VPPApiClient):
        apidir = folder

    client = OldStyle(read_timeout=0, loglevel=10, async_thread=False, use_socket=False)
    assert client.apifiles == apifiles
    assert client.transport.read_timeout is None
    assert "async_thread=False" in repr(client)
    with pytest.raises(FileNotFoundError):
        papi.VPPApiClient(apifiles=[str(tmp_path / "no.api.json")])


# ---- events --------------------------------------------------------------------------------


def test_events_come_to_the_callback(connect: Any, either: Any) -> None:
    client, heard = connect(either), Heard()
    client.register_event_callback(heard)
    assert client.api.want_interface_events(enable_disable=1, pid=1).retval == 0
    toggle(client.api)
    name, event = heard.next()
    assert name == type(event).__name__ == "sw_interface_event"
    assert (event.sw_if_index, int(event.flags) & 1) == (0, 1)


def test_events_are_heard_before_the_reply_after_them(connect: Any) -> None:
    client, heard = connect(papi), Heard()
    client.register_event_callback(heard)
    client.api.want_interface_events(enable_disable=1, pid=1)
    for number in range(1, 50):
        toggle(client.api)
        toggle(client.api, 2)
        assert len(client.api.sw_interface_dump()) == 1
        before = heard.messages.qsize()
        client.api.control_ping()
        assert heard.messages.qsize() == before >= number


def test_a_callback_may_call(connect: Any) -> None:
    client = connect(papi)
    answers: queue.Queue[Any] = queue.Queue()

    def callback(name: str, event: Any) -> None:
        answers.put(client.api.sw_interface_dump())

    client.register_event_callback(callback)
    client.api.want_interface_events(enable_disable=1, pid=1)
    toggle(client.api)
    assert len(answers.get(timeout=5)) == 1


def test_a_callback_that_fails_is_logged(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    client, heard = connect(papi), Heard()

    def callback(name: str, event: Any) -> None:
        heard(name, event)
        raise RuntimeError("mine")

    client.register_event_callback(callback)
    client.api.want_interface_events(enable_disable=1, pid=1)
    toggle(client.api, 2)
    assert heard.next()
    assert heard.next()
    assert "mine" in caplog.text
    client.register_event_callback(None)
    toggle(client.api, 2)
    assert client.api.show_version().retval == 0


def test_do_async(connect: Any, either: Any) -> None:
    client, heard = connect(either, do_async=True), Heard()
    client.register_event_callback(heard)
    context = client.api.show_version()
    assert isinstance(context, int)
    name, reply = heard.next()
    assert (name, reply.context, reply.retval) == ("show_version_reply", context, 0)
    assert client.api.control_ping(context=77) == 77
    assert heard.next()[1].context == 77


def test_reading_by_hand(connect: Any, either: Any) -> None:
    client = connect(either)
    assert client.read_blocking(timeout=0.05) is None
    client.transport.write(by_hand(client, 4242))
    reply = client.read_blocking(timeout=5)
    assert (type(reply).__name__, reply.context) == ("show_version_reply", 4242)


def test_without_a_thread_the_queue_has_them(connect: Any) -> None:
    client = connect(papi, async_thread=False)
    assert client.event_thread is None
    client.transport.write(by_hand(client, 4242))
    reply = client.message_queue.get(timeout=5)
    assert (type(reply).__name__, reply.context) == ("show_version_reply", 4242)


def test_threads_share_a_client(connect: Any) -> None:
    client = connect(papi)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(50):
                context = 1000 * number + step + 1
                assert client.api.show_version(context=context).context == context
                assert len(client.api.sw_interface_dump()) == 1
        except BaseException as error:  # noqa: BLE001  # told to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


def test_details_iter(either: Any) -> None:
    """Goes on at the cursor while VPP says that there is more."""
    from types import SimpleNamespace

    asked: list[int] = []

    def get(**fields: Any) -> Any:
        asked.append(fields["cursor"])
        more = len(asked) < 3
        return SimpleNamespace(retval=-165 if more else 0, cursor=len(asked)), [len(asked)]

    client = either.VPPApiClient(testmode=True, apidir="/nowhere")
    assert list(client.details_iter(get, cursor=9)) == [1, 2, 3]
    assert asked == [0, 1, 2]


def test_a_reply_that_is_cut_short_raises(connect: Any) -> None:
    client = connect(papi)
    message = client.messages["show_version_reply"]
    whole = message.pack({"version": "1"})
    assert message.unpack(whole)[0].version == "1"
    with pytest.raises(ValueError, match="show_version_reply: 100 bytes are too few"):
        message.unpack(whole[:100])
    with pytest.raises(ValueError, match="too few"):
        client.messages["cli_inband_reply"].unpack(bytes(10) + b"\0\0\0\x09abc")


def test_classes_of_errors() -> None:
    for name in ("VPPIOError", "VPPRuntimeError", "VPPValueError"):
        ours, theirs = getattr(papi, name), getattr(original, name)
        assert ours.__mro__[1:] == theirs.__mro__[1:]
        assert getattr(papi.VPPApiClient, name) is ours


def test_transport_of_an_address(transport: Transport, peer: Peer, apifiles: list[str]) -> None:
    """The socket is what vpp_papi has; shared memory is there for the asking."""
    client = papi.VPPApiClient(apifiles=apifiles, server_address=peer.address(transport))
    client.connect("x")
    heard = Heard()
    client.register_event_callback(heard)
    client.api.want_interface_events(enable_disable=1, pid=1)
    toggle(client.api)
    assert heard.next()[0] == "sw_interface_event"
    client.disconnect()


@pytest.fixture(params=[False, True], ids=["alone", "with a callback"])
def asking(request: pytest.FixtureRequest, connect: Any) -> Any:
    """A client; with a callback it receives another way."""
    client = connect(papi)
    client.heard = []
    if request.param:
        client.register_event_callback(lambda *heard: client.heard.append(heard))
    return client


def test_the_reply_of_another_message(asking: Any, peer: Peer) -> None:
    """As 15 of VPP 26.06: policer_input_v2 and others. What has the context is the answer."""

    @peer.on("sw_interface_set_flags")
    def answer(request: Request) -> bytes:
        return request.details("sw_interface_set_mtu_reply", retval=-7)

    reply = asking.api.sw_interface_set_flags(sw_if_index=0, flags=1, _timeout=20)
    assert type(reply).__name__ == "sw_interface_set_mtu_reply"
    assert reply.retval == -7
    assert asking.api.show_version().program == "embedded" or True


def test_an_event_that_looks_like_an_answer(asking: Any, peer: Peer) -> None:
    """Its client_index is where answers have the context."""

    @peer.on("sw_interface_set_flags")
    def answer(request: Request) -> list[bytes]:
        event = peer.encode("sw_interface_event", sw_if_index=3)
        looks = request.reply(retval=-8)[2:6]
        return [event[:2] + looks + event[6:], request.reply(retval=-8)]

    reply = asking.api.sw_interface_set_flags(sw_if_index=0, flags=1, _timeout=20)
    assert type(reply).__name__ == "sw_interface_set_flags_reply"
    assert reply.retval == -8
    if asking.listening:
        assert [(name, event.sw_if_index) for name, event in asking.heard] == [
            ("sw_interface_event", 3)
        ]


def test_who_calls_receives(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the callback's thread, which would have to wake the caller for each answer."""
    led: list[bool] = []
    enter = Ordered._enter

    def counting(hub: Ordered, box: Any) -> bool:
        leads = enter(hub, box)
        if threading.current_thread() is threading.main_thread():
            led.append(leads)
        return leads

    monkeypatch.setattr(_ordered, "_LULL", 30.0)  # however slow this machine is
    monkeypatch.setattr(Ordered, "_enter", counting)
    client = connect(papi)
    heard = Heard()
    client.register_event_callback(heard)
    client.api.want_interface_events(enable_disable=1, pid=1)
    for _ in range(50):
        assert client.api.control_ping().retval == 0
    assert led.count(False) <= 3
    toggle(client.api, 3)
    client.api.control_ping()  # receives what came behind the last answer
    assert [heard.next()[0] for _ in range(3)] == ["sw_interface_event"] * 3


PARSED = """
import sys
from vapi_cffi import papi

client = papi.VPPApiClient(apifiles=sys.argv[1:])
client.transport.message_table = {f"{n}_{m.crc[2:]}": 0 for n, m in client.messages.items()}
client._numbered()
print(len(client.messages), len([m for m in client.messages.values() if "msgdef" in vars(m)]))
"""


def test_the_first_event_waits_for_no_definitions(corpus: list[str]) -> None:
    """Numbers are looked up among 2,123 messages, none of which is taken apart for that."""
    done = subprocess.run(
        [sys.executable, "-c", PARSED, *corpus], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2123", "0"]
