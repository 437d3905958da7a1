"""Bindings generated from what a live VPP says of itself, used on it: a request, a dump, a stream
and an event of its plugins, compared with what its own command line shows."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from vapi_cffi.generator.output import Request, generate

import vapi_cffi
from vapi_cffi import Client

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture
def bindings(folder: Path, live_socket: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package `livebindings`, of all that this VPP has loaded; C headers below `gen`."""
    if not (folder / "livebindings").exists():
        with vapi_cffi.connect(live_socket) as client:
            text = client.api.get_api_json().json
        (folder / "vpp.api.json").write_text(text, encoding="utf-8")
        targets = {"python": folder / "livebindings", "c": folder / "gen"}
        generate(Request(paths=[folder / "vpp.api.json"], targets=targets))
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module("livebindings")


@pytest.fixture
def client(bindings: Any, live_socket: str) -> Iterator[Client]:
    with vapi_cffi.connect(live_socket, definitions=bindings.DEFINITIONS, timeout=10.0) as made:
        yield made


@pytest.fixture
def loop(client: Client, bindings: Any) -> Iterator[int]:
    """A loopback that is up, with an address."""
    api = bindings.typed(client)
    index = int(api.create_loopback().sw_if_index)
    api.sw_interface_set_flags(sw_if_index=index, flags="admin_up")
    api.sw_interface_add_del_address(sw_if_index=index, is_add=True, prefix="10.77.0.1/24")
    yield index
    api.delete_loopback(sw_if_index=index)


def needs(client: Client, name: str) -> None:
    if name not in dir(client.api):
        pytest.skip(f"this VPP has no {name}: its plugin is not loaded")


def test_a_request_and_a_dump_of_the_acl_plugin(client: Client, bindings: Any) -> None:
    needs(client, "acl_add_replace")
    api = bindings.typed(client)
    # VPP does not hand out acl_types: which module has the class depends on the plugins it has.
    rule_class = bindings.DEFINITIONS.find("types", "acl_rule")
    rule = rule_class(
        is_permit="permit", src_prefix="192.0.2.0/24", dst_prefix="198.51.100.0/24", proto=6
    )
    index = api.acl_add_replace(acl_index=2**32 - 1, tag="generated", r=[rule, rule]).acl_index
    try:
        shown = client.cli("show acl-plugin acl")
        assert f"acl-index {index} count 2 tag {{generated}}" in shown
        assert "ipv4 permit src 192.0.2.0/24 dst 198.51.100.0/24 proto 6" in shown
        (found,) = api.acl_dump(acl_index=index).all()
        assert (found.acl_index, found.tag, found.count) == (index, "generated", 2)
        assert found.r[1].src_prefix == IPv4Network("192.0.2.0/24")
        assert isinstance(found.r[0], rule_class)
    finally:
        api.acl_del(acl_index=index)
    assert api.acl_dump(acl_index=index).all() == []


def test_a_stream_of_the_nat_plugin(client: Client, bindings: Any, loop: int) -> None:
    needs(client, "nat44_ed_output_interface_get")
    api = bindings.typed(client)
    api.nat44_ed_plugin_enable_disable(enable=True, flags="is_endpoint_dependent")
    try:
        api.nat44_ed_add_del_output_interface(is_add=True, sw_if_index=loop)
        found = api.nat44_ed_output_interface_get().all()
        assert [item.sw_if_index for item in found] == [loop]
        assert isinstance(found[0], bindings.nat44_ed.Nat44EdOutputInterfaceDetails)
        name = api.sw_interface_dump(sw_if_index=loop).first().interface_name
        assert f"{name} output-feature" in client.cli("show nat44 interfaces")
    finally:
        api.nat44_ed_plugin_enable_disable(enable=False)


def test_a_stream_of_the_core(client: Client, bindings: Any, loop: int) -> None:
    api = bindings.typed(client)
    before = api.ip_path_mtu_get().all()  # VPP's own test programs leave some
    api.ip_path_mtu_update(pmtu={"nh": "10.77.0.9", "path_mtu": 1280})
    try:
        found = next(
            item for item in api.ip_path_mtu_get().all() if item.pmtu.nh == IPv4Address("10.77.0.9")
        )
        assert found.pmtu.path_mtu == 1280
        assert "10.77.0.9" in client.cli("show ip pmtu")
    finally:
        api.ip_path_mtu_update(pmtu={"nh": "10.77.0.9", "path_mtu": 0})
    after = api.ip_path_mtu_get().all()
    assert {str(item.pmtu.nh) for item in after} == {str(item.pmtu.nh) for item in before}


def test_an_event_of_the_ping_plugin(client: Client, bindings: Any, loop: int) -> None:
    needs(client, "want_ping_finished_events")
    with client.events("ping_finished_event", subscribe=False) as events:
        api = bindings.typed(client)
        api.want_ping_finished_events(address="10.77.0.1", repeat=2, interval=0.1)
        event = events.get(timeout=10)
    assert isinstance(event, bindings.ping.PingFinishedEvent)
    assert event.request_count == 2


def test_an_event_of_interfaces(client: Client, bindings: Any, loop: int) -> None:
    api = bindings.typed(client)
    name = api.sw_interface_dump(sw_if_index=loop).first().interface_name
    with client.events("sw_interface_event") as events:
        api.sw_interface_set_flags(sw_if_index=loop, flags=0)
        event = events.get(timeout=10)
    assert (event.sw_if_index, event.flags & 1) == (loop, 0)
    shown = client.cli(f"show interface {name}")
    assert "down" in shown.splitlines()[1]


PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <vapi/batch.h>
#include <vapi/acl.api.vapi.h>

DEFINE_VAPI_MSG_IDS_ACL_API_JSON;

static vapi_error_e on_add(vapi_ctx_t ctx, void *to, vapi_error_e rv, bool is_last,
                           vapi_payload_acl_add_replace_reply *reply)
{
    if (rv == VAPI_OK && reply->retval == 0)
        *(u32 *)to = reply->acl_index;
    return rv;
}

static vapi_error_e on_rules(vapi_ctx_t ctx, void *to, vapi_error_e rv, bool is_last,
                             vapi_payload_acl_details *row)
{
    if (row != NULL) {
        vapi_type_prefix *src = &row->r[0].src_prefix;
        const u8 *ip = src->address.un.ip4;
        printf("%s %u %u.%u/%u\n", (char *)row->tag, row->count, ip[0], ip[1], src->len);
    }
    return rv;
}

static vapi_error_e on_del(vapi_ctx_t ctx, void *to, vapi_error_e rv, bool is_last,
                           vapi_payload_acl_del_reply *reply)
{
    printf("deleted %d\n", reply->retval);
    return rv;
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx;
    u32 index = ~0u;
    if (vapi_ctx_alloc(&ctx) != VAPI_OK ||
        vapi_connect_ex(ctx, "live", argv[argc - 1], 64, 128, VAPI_MODE_BLOCKING, true, true) !=
            VAPI_OK)
        return 1;
    vapi_msg_acl_add_replace *add = vapi_alloc_acl_add_replace(ctx, 1);
    add->payload.acl_index = ~0u;
    snprintf((char *)add->payload.tag, sizeof add->payload.tag, "from-c");
    vapi_type_prefix *src = &add->payload.r[0].src_prefix;
    src->address.un.ip4[0] = 192;
    src->address.un.ip4[1] = 168;
    src->len = 16;
    if (vapi_acl_add_replace(ctx, add, on_add, &index) != VAPI_OK || index == ~0u)
        return 2;
    vapi_msg_acl_dump *dump = vapi_alloc_acl_dump(ctx);
    dump->payload.acl_index = index;
    if (vapi_acl_dump(ctx, dump, on_rules, NULL) != VAPI_OK)
        return 3;
    vapi_msg_acl_del *gone = vapi_alloc_acl_del(ctx);
    gone->payload.acl_index = index;
    if (vapi_acl_del(ctx, gone, on_del, NULL) != VAPI_OK)
        return 4;
    vapi_disconnect(ctx);
    vapi_ctx_free(ctx);
    return 0;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_c_header_of_the_acl_plugin(
    client: Client, bindings: Any, folder: Path, live_socket: str
) -> None:
    needs(client, "acl_add_replace")
    (folder / "live.c").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", "vapi_cffi.cli", "config", "--cflags", "--libs"]
    flags = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    built = ["cc", "-std=c11", "live.c", "-o", "live", "-Igen", *flags]
    subprocess.run(built, cwd=folder, check=True, timeout=100)
    done = subprocess.run(
        [str(folder / "live"), live_socket],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "from-c 1 192.168/16\ndeleted 0\n")
