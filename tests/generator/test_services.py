"""Services: explicit and derived ones, in the order of the JSON."""

from __future__ import annotations

import pytest

from generator import ApiError, load_api_text
from generator.emit.api import explicit_services
from generator.model import Model, Role, Rpc


def test_kinds(golden: Model) -> None:
    file = golden.file("services")
    assert [(item.caller.name, item.kind) for item in file.services] == [
        ("thing_get", Rpc.STREAM),
        ("want_thing_events", Rpc.REQUEST),
        ("thing_poke", Rpc.ONEWAY),
        ("thing_v2_dump", Rpc.DUMP),
        ("thing_find", Rpc.REQUEST),
        ("old_dump", Rpc.DUMP),
        ("plain", Rpc.REQUEST),
    ]
    get = golden.services["thing_get"]
    assert get.has_cursor
    assert get.reply is golden.messages["thing_get_reply"]
    assert get.details is golden.messages["thing_details"]
    dump = golden.services["old_dump"]
    assert (dump.reply, dump.details) == (None, golden.messages["old_details"])
    assert golden.services["thing_poke"].reply is None
    events = golden.services["want_thing_events"].events
    assert [item.name for item in events] == ["thing_event", "thing_gone_event"]


def test_roles(golden: Model) -> None:
    assert golden.messages["thing_get"].roles == {Role.CALLER}
    assert golden.messages["thing_get_reply"].roles == {Role.REPLY}
    assert golden.messages["thing_details"].roles == {Role.DETAILS}
    assert golden.messages["thing_event"].roles == {Role.EVENT}


def test_only_what_does_not_follow_from_names_is_spelled_out(golden: Model) -> None:
    """The last explicit line says what would be derived anyway."""
    spelled = explicit_services(golden.file("services"))
    assert [item.caller.name for item in spelled] == [
        "thing_get",
        "want_thing_events",
        "thing_poke",
        "thing_v2_dump",
    ]


DEFINES = """
autoreply define a { u32 client_index; u32 context; };
autoreply define b { u32 client_index; u32 context; };
define e { u32 context; };
"""


@pytest.mark.parametrize(
    ("rpc", "expected"),
    [
        ("rpc a returns nothing;", "unknown message 'nothing'"),
        ("rpc nothing returns a_reply;", "unknown message 'nothing'"),
        ("rpc a returns a_reply events e, nothing;", "unknown message 'nothing'"),
        ("rpc a returns a_reply stream nothing;", "unknown message 'nothing'"),
        ("rpc a returns a;", "'a' is its own reply"),
        ("rpc a returns b; rpc b returns a_reply;", "'b' is the reply of 'a'"),
        ("rpc a returns a_reply; rpc a returns null;", "second service of 'a'"),
    ],
)
def test_errors(rpc: str, expected: str) -> None:
    with pytest.raises(ApiError) as caught:
        load_api_text(f"service {{ {rpc} rpc e returns null; }};{DEFINES}")
    assert expected in str(caught.value)


def test_events_may_be_written_with_or_without_commas() -> None:
    text = "service { rpc a returns a_reply events e f, g,; };" + DEFINES
    text += "define f { u32 context; };define g { u32 context; };"
    events = load_api_text(text).services["a"].events
    assert [item.name for item in events] == ["e", "f", "g"]


def test_details_of_a_get_need_a_service() -> None:
    text = """
        autoreply define x_get { u32 client_index; u32 context; };
        define x_details { u32 context; };
    """
    with pytest.raises(ApiError, match="expected a service: rpc x_get returns x_get_reply stream"):
        load_api_text(text)
    load_api_text("service { rpc x_get returns x_get_reply stream x_details; };" + text)
