"""The same calls through vpp_papi and through the drop-in: results, reprs and exceptions."""

from __future__ import annotations

import copy
import pickle
import re
import struct
from collections.abc import Callable
from typing import Any

import pytest
from papi.conftest import original

from vapi_cffi import papi
from vapi_cffi.sim import Peer

Call = Callable[[Any], Any]

#: What differs between any two clients: contexts, and the index that VPP gave them.
_OWN = re.compile(r"(context|client_index)=\d+")


def text_of(answer: Any) -> str:
    return _OWN.sub(r"\1=N", repr(answer))


def same(answer: Any) -> Any:
    """An answer without what is each client's own: names of types, fields, values."""
    if isinstance(answer, tuple):
        fields = getattr(answer, "_fields", None)
        if fields is None:
            return tuple(map(same, answer))
        values = [
            0 if name in ("context", "client_index") else same(value)
            for name, value in zip(fields, answer, strict=True)
        ]
        return type(answer).__name__, fields, values
    if isinstance(answer, list):
        return [same(item) for item in answer]
    return type(answer).__name__, str(answer)


CALLS: dict[str, Call] = {
    "reply": lambda api: api.show_version(),
    "ping": lambda api: api.control_ping(),
    "dump": lambda api: api.sw_interface_dump(),
    "filtered dump": lambda api: api.sw_interface_dump(name_filter_valid=True, name_filter="loop"),
    "arguments": lambda api: api.sw_interface_set_flags(sw_if_index=0, flags=1),
    "negative retval": lambda api: api.sw_interface_set_flags(sw_if_index=9999, flags=1),
    "address as text": lambda api: api.sw_interface_add_del_address_pack(
        sw_if_index=0, is_add=True, prefix="10.9.0.1/24"
    ),
    "addresses": lambda api: api.ip_address_dump(sw_if_index=0, is_ipv6=False),
    "route": lambda api: api.ip_route_add_del(
        is_add=True,
        is_multipath=False,
        route={
            "table_id": 0,
            "prefix": "10.7.0.0/16",
            "n_paths": 1,
            "paths": [
                {
                    "sw_if_index": 0,
                    "weight": 1,
                    "proto": 0,
                    "nh": {"address": {"ip4": "10.9.0.2"}},
                    "label_stack": [{}] * 16,
                }
            ],
        },
    ),
    "routes": lambda api: api.ip_route_dump(table={"table_id": 0, "is_ip6": False}),
    "no conversion": lambda api: api.sw_interface_dump(_no_type_conversion=True),
    "packed": lambda api: api.sw_interface_set_flags_pack(sw_if_index=3, flags=1),
    "cli": lambda api: api.cli_inband(cmd="show version"),
    "tables": lambda api: api.ip_table_dump(),
    "repr of a function": lambda api: repr(api.sw_interface_set_flags),
    "its name": lambda api: api.sw_interface_set_flags.__name__,
    "its documentation": lambda api: api.sw_interface_set_flags.__doc__,
    "its fields": lambda api: api.sw_interface_set_flags._func.msg.fields,
    "no interface": lambda api: api.sw_interface_dump(sw_if_index=None),
    "unwrapped": lambda api: api.show_version._func(),
    "its own context": lambda api: api.show_version(context=4711).context,
    "timeout": lambda api: api.show_version(_timeout=3),
}


@pytest.mark.parametrize("name", CALLS)
def test_results(pair: tuple[Any, Any], name: str) -> None:
    theirs, ours = (CALLS[name](client.api) for client in pair)
    assert same(ours) == same(theirs)
    assert text_of(ours) == text_of(theirs)


WRONG: dict[str, Call] = {
    "unknown function": lambda api: api.no_such_message,
    "unknown argument": lambda api: api.show_version(wrong=1),
    "unknown arguments": lambda api: api.sw_interface_set_flags(sw_if_index=1, flag=1),
    "text for a number": lambda api: api.sw_interface_set_flags(sw_if_index="one"),
    "too large": lambda api: api.sw_interface_set_flags(sw_if_index=2**32),
    "text too long": lambda api: api.sw_interface_dump(name_filter=1, name_filter_valid=1),
    "no address": lambda api: api.sw_interface_add_del_address(sw_if_index=1, prefix="10.1"),
    "a tuple for a struct": lambda api: api.ip_route_dump(table=(1, 2)),
    "positional": lambda api: api.show_version(1),
    "packed unknown argument": lambda api: api.sw_interface_set_flags_pack(sw_if_index="x"),
}


@pytest.mark.parametrize("name", WRONG)
def test_exceptions(pair: tuple[Any, Any], name: str) -> None:
    kinds = []
    for client in pair:
        with pytest.raises(Exception) as caught:
            WRONG[name](client.api)
        kinds.append((caught.type.__name__, issubclass(caught.type, struct.error)))
    assert kinds[0] == kinds[1]


def test_errors_name_message_field_and_value(connect: Any) -> None:
    api = connect(papi).api
    with pytest.raises(ValueError, match=r"sw_interface_set_flags\.sw_if_index.*'one'"):
        api.sw_interface_set_flags(sw_if_index="one")
    with pytest.raises(papi.VPPValueError, match=r"Invalid argument \['wrong'\] to show_version"):
        api.show_version(wrong=1)
    paths = [{"label_stack": [{}] * 16}]
    with pytest.raises(ValueError, match="got: 1 expected: 3, the value of n_paths"):
        api.ip_route_add_del(route={"n_paths": 3, "paths": paths})


def test_counts_are_filled_in(connect: Any, peer: Peer) -> None:
    api = connect(papi).api
    paths = [{"sw_if_index": 0, "label_stack": [{}] * 16}]
    given = {"prefix": "10.8.0.0/16", "paths": paths}
    with_count = api.ip_route_add_del_pack(route={**given, "n_paths": 1})
    assert api.ip_route_add_del_pack(route=given) == with_count
    assert api.ip_route_add_del(is_add=True, route=given).retval == 0


def test_replies_are_tuples(pair: tuple[Any, Any]) -> None:
    theirs, ours = (client.api.show_version() for client in pair)
    assert ours._fields == theirs._fields
    assert ours._fields[0] == "_0"
    assert ours[2:] == theirs[2:]
    assert ours._replace(context=theirs.context) == theirs
    assert ours._asdict().keys() == theirs._asdict().keys()
    assert copy.deepcopy(ours) == ours
    # The original's cannot be pickled: it looks for them where they are not.
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(theirs)
    assert pickle.loads(pickle.dumps(ours)) == ours


def test_details_pickle_with_enums_and_addresses(connect: Any) -> None:
    details = connect(papi).api.sw_interface_dump()
    assert pickle.loads(pickle.dumps(details)) == details


def test_what_clients_know(pair: tuple[Any, Any]) -> None:
    theirs, ours = pair
    assert ours.messages.keys() == theirs.messages.keys()
    assert dict(ours.services) == dict(theirs.services)
    assert ours.id_names == theirs.id_names
    assert [m and m.name for m in ours.id_msgdef] == [m and m.name for m in theirs.id_msgdef]
    assert ours.dump_message_table() == theirs.dump_message_table()
    asked = ["show_version"]
    found = ours.dump_message_table_filtered(asked)
    assert list(found.items()) == list(theirs.dump_message_table_filtered(asked).items())
    names = ["show_version_51077d14", "show_version_00000000"]
    assert ours.validate_message_table(names) == theirs.validate_message_table(names)
    options = "sw_interface_dump", "sw_if_index"
    assert ours.get_field_options(*options) == theirs.get_field_options(*options)
    assert ours.get_field_options("show_version", "context") is None
    assert repr(ours.get_type("u32")) == repr(theirs.get_type("u32"))
    assert ours.get_type("nothing") is theirs.get_type("nothing") is None
    assert ours.get_function("show_version")().retval == 0
    assert ours.vpp_dictionary_maxid == theirs.vpp_dictionary_maxid
    assert ours.control_ping_index == theirs.control_ping_index
    assert ours.control_ping_msgdef.name == theirs.control_ping_msgdef.name
    for name in ("connected", "message_table"):
        assert getattr(ours.transport, name) == getattr(theirs.transport, name)


def test_enums() -> None:
    for name in ("vl_api_if_status_flags_t", "vl_api_address_family_t"):
        ours, theirs = getattr(papi.VppEnum, name), getattr(original.VppEnum, name)
        assert {k: int(v) for k, v in ours.__members__.items()} == {
            k: int(v) for k, v in theirs.__members__.items()
        }
        for value in (0, 1, 2, 0x81):
            assert repr(ours(value)) == repr(theirs(value))
    with pytest.raises(AttributeError, match="vl_api_nothing_t"):
        _ = papi.VppEnum.vl_api_nothing_t


def test_addresses_know_their_family(connect: Any) -> None:
    from ipaddress import ip_address, ip_network

    connect(papi)
    assert ip_address("10.0.0.1").vapi_af == 0  # type: ignore[union-attr]
    assert ip_network("2001:db8::/32").vapi_af_name == "ip6"  # type: ignore[union-attr]


def test_statistics(connect: Any) -> None:
    client = connect(papi)
    for _ in range(3):
        client.api.show_version()
    assert client.stats["show_version"]["count"] == 3
    lines = client.get_stats().splitlines()
    assert lines[1:3] == [
        "=== API PAPI STATISTICS ===",
        "message                         cnt    avg    max",
    ]
    assert re.match(r"show_version +3 +\d", lines[3])


def test_the_log_says_what_is_called(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = connect(papi)
    with caplog.at_level("DEBUG", logger="vpp_papi"):
        client.api.sw_interface_set_flags(sw_if_index=0, flags=1)
    assert "Calling sw_interface_set_flags('sw_if_index':0,'flags':1)" in caplog.messages
    assert any(
        text.startswith("Return value: sw_interface_set_flags_reply(") for text in caplog.messages
    )


def test_a_default_does_not_leak(connect: Any) -> None:
    """A default of one message's field is none of another's, except that dumps which are told no
    interface ask for all."""
    api = connect(papi).api
    message = api.sw_interface_set_mac_address_pack()
    assert message[10:14] == bytes(4)
    assert len(api.sw_interface_dump()) == 1
