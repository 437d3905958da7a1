"""`diff` and `lint` on models."""

from __future__ import annotations

import pytest

from generator import load_api_text
from generator.diff import diff
from generator.lint import RULES, lint
from generator.model import Model

BASE = """
option version = "1.0.0";
enum e { E_A, E_B, };
typedef t { vl_api_e_t e; u8 x; };
/* c */
autoreply define m { u32 client_index; u32 context; vl_api_t_t t; };
/* c */
autoreply define n { u32 client_index; u32 context; };
"""


def changes(old: str, new: str) -> dict[str, tuple[str, ...]]:
    return {
        f"{item.verb} {item.kind} {item.name}": item.details
        for item in diff(load_api_text(old), load_api_text(new))
    }


def test_no_change() -> None:
    assert changes(BASE, BASE) == {}
    assert changes(BASE, BASE.replace("/* c */", "")) == {}


def test_messages_come_and_go() -> None:
    without = BASE[: BASE.index("/* c */\nautoreply define n")]
    assert list(changes(without, BASE)) == ["added message n", "added message n_reply"]
    assert list(changes(BASE, without)) == ["removed message n", "removed message n_reply"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("context; };", "context; u8 z; };", "field added: u8 z;"),
        ("u32 context; }", "u64 context; }", "field context: u32 context; -> u64 context;"),
        (
            "u32 client_index; u32 context; }",
            "u32 context; u32 client_index; }",
            "fields in another order: context, client_index",
        ),
        ("define n {", "define n { option deprecated;", "status production -> deprecated"),
        ("define n {", 'define n { option replaced_by = "m";', "replaced by m"),
    ],
)
def test_changes_of_a_message(old: str, new: str, line: str) -> None:
    found = changes(BASE, BASE.replace(old, new))
    assert line in found["changed message n"]


def test_changes_inside_types_show_at_the_message() -> None:
    found = changes(BASE, BASE.replace("u8 x;", "u16 x;").replace("E_B,", "E_B = 4,"))
    assert found["changed type t"] == ("field x: u8 x; -> u16 x;",)
    assert found["changed type e"] == ("enumerator E_B: 1 -> 4",)
    assert "t (t): field x: u8 x; -> u16 x;" in found["changed message m"]
    assert "t.e (e): enumerator E_B: 1 -> 4" in found["changed message m"]


def test_what_breaks() -> None:
    marked = BASE.replace("E_B,", "E_B, E_C [backwards_compatible],")
    [change] = diff(load_api_text(BASE), load_api_text(marked))
    assert (change.name, change.breaks) == ("e", False)
    [back] = diff(load_api_text(marked), load_api_text(BASE))
    assert back.breaks


def test_services_that_answer_otherwise() -> None:
    text = "service { rpc m returns m_reply events n; };" + BASE
    found = changes(BASE, text)
    assert found["changed service m"] == ("returns m_reply -> returns m_reply events n",)


def advice(text: str) -> list[tuple[str, str]]:
    return [(item.rule, item.message) for item in lint(load_api_text(text))]


def test_a_clean_file() -> None:
    assert advice(BASE) == []


def replaced(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        (replaced('option version = "1.0.0";', ""), "version", "expected option version"),
        (replaced('"1.0.0"', '"one"'), "version", "expected option version"),
        (replaced("/* c */\nautoreply define m", "autoreply define m"), "comment", "m has no"),
        (replaced("/* c */", "/* @param nosuch - x */"), "comment", "@param nosuch is not a"),
        (replaced("u8 x;", "u8 default;"), "keyword", "t.default: keyword of C and C++"),
        (replaced("u8 x;", "u8 this;"), "keyword", "t.this: keyword of C++"),
        (
            replaced("define n { u32 client_index; u32 context;", "define n { u32 context;"),
            "header",
            "request n: expected u32 client_index",
        ),
        (
            BASE + "/* c */ define o { u32 client_index; u32 context; };\n"
            "/* c */ define o_reply { u32 context; };",
            "header",
            "reply o_reply: expected i32 retval",
        ),
        (
            BASE + "/* c */ define o_dump { u32 client_index; u32 context; };\n"
            "/* c */ define o_details { u32 context; };",
            "dump",
            "consider o_get",
        ),
        (replaced("define n {", "define n { option deprecated;"), "deprecated", "n is deprecated"),
        (
            replaced("define n {", 'define n { option replaced_by = "zz";'),
            "deprecated",
            "replaced_by zz: no such message",
        ),
        (replaced("u8 x;", "u8 x [default=256];"), "default", "expected a number that fits u8"),
        (replaced("vl_api_e_t e;", "vl_api_e_t e [default=E_Z];"), "default", "enumerator of e"),
        (replaced("u8 x;", "bool x [default=2];"), "default", "expected true/false"),
        (replaced("u8 x;", "f64 x [default=A];"), "default", "expected a number"),
        (
            replaced("vl_api_t_t t;", "vl_api_t_t t [default=1];"),
            "default",
            "expected a number, a bool or an enum",
        ),
        (
            "union u { u8 a; };\n" + replaced("u8 x;", "u8 x; vl_api_u_t u;"),
            "union",
            "t.u: expected [discriminator=...]",
        ),
        (
            replaced(" n {", f" {'n' * 60} {{"),
            "long-name",
            "69 characters, at most 63 fit",
        ),
        (BASE + "typedef lonely { u8 x; };", "unused", "struct lonely is not used"),
    ],
)
def test_advice(text: str, rule: str, message: str) -> None:
    found = [entry for entry in advice(text) if entry[0] == rule]
    assert found, advice(text)
    assert message in found[0][1]
    assert not lint(load_api_text(text), without=frozenset(RULES))


def test_custom_defaults_are_fine() -> None:
    for text in ("u32 x [default=-1];", "u8 x [default=0xff];", "u8 x [default=true];"):
        assert advice(replaced("u8 x;", text)) == []


def test_vpp_has_little_to_say(corpus: Model) -> None:
    """Rules do not fire at what is custom in VPP: two of 287 defaults are impossible indeed."""
    found = [item for item in lint(corpus) if item.rule in ("default", "long-name")]
    assert sorted(item.message for item in found) == [
        "ip_session_redirect_add_v2.proto: default 4294967295: "
        "expected an enumerator of fib_path_nh_proto",
        "sw_interface_set_vpath.enable: default 4294967295: expected true/false",
    ]
