"""The `.api` language: what is accepted, and where and how the rest is refused."""

from __future__ import annotations

import pytest

from generator import ApiError, load_api_text
from generator.model import Shape
from generator.parser import MAX_SYNTAX_ERRORS, MAX_TEXT

REPLY = "define x_reply { u32 context; i32 retval; };"


def errors(text: str | bytes) -> list[str]:
    """What loading a text complains about, without the file name."""
    with pytest.raises(ApiError) as caught:
        load_api_text(text, "t.api")
    lines = [str(item) for item in caught.value.diagnostics]
    assert all(line.startswith("t.api:") for line in lines)
    return [line.removeprefix("t.api:") for line in lines]


@pytest.mark.parametrize(
    ("text", "shape", "length", "count"),
    [
        ("u32 f;", Shape.SCALAR, 0, None),
        ("u8 f[8];", Shape.ARRAY, 8, None),
        ("u8 f[0x10];", Shape.ARRAY, 16, None),
        ("u8 n; u64 f[n];", Shape.VLA, 0, "n"),
        ("string f[64];", Shape.TEXT, 64, None),
        ("string f[];", Shape.STRING, 0, None),
        ("string f[0];", Shape.STRING, 0, None),
        ("u16 f[0];", Shape.UNBOUNDED, 0, None),
    ],
)
def test_field_forms(text: str, shape: Shape, length: int, count: str | None) -> None:
    item = load_api_text(f"define x {{ {text} }};\n{REPLY}").messages["x"].field("f")
    assert (item.shape, item.length, item.length_field) == (shape, length, count)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("0x1F", 31),
        ("0X1f", 31),
        ("007", 7),
        ("1.5", 1.5),
        ("2.", 2.0),
        ("true", "true"),
        ("false", False),
        ("NAME", "NAME"),
        ("falsehood", "falsehood"),
        ("type", "type"),
        ('"a \\"b\\" c"', "a \\b\\ c"),
        ('""', ""),
    ],
)
def test_option_values(text: str, value: object) -> None:
    """As VPP's compiler takes them: `true` is a string, quotes vanish, backslashes stay."""
    found = load_api_text(f"option o = {text};").files[0].options["o"]
    assert found == value
    assert type(found) is type(value)


def test_options_of_fields() -> None:
    text = f"define x {{ u32 a [default=1, limit = 5]; u32 b [x y]; u32 c [x=1 y]; }};\n{REPLY}"
    message = load_api_text(text).messages["x"]
    assert dict(message.field("a").options) == {"default": 1, "limit": 5}
    assert dict(message.field("b").options) == {"x": None, "y": None}
    assert dict(message.field("c").options) == {"x": 1, "y": None}


def test_reserved_words_that_name_fields() -> None:
    words = ("type", "severity", "description", "counters", "paths")
    body = " ".join(f"u32 {word};" for word in words)
    message = load_api_text(f"define x {{ {body} }};\n{REPLY}").messages["x"]
    assert tuple(item.name for item in message.fields) == words


def test_carriage_returns_are_white_space() -> None:
    text = 'option version = "1.0.0";\r\ndefine x {\r\n u32 a;\r\n};\r\n' + REPLY
    assert load_api_text(text).messages["x"].size == 6


def test_comments_between_any_tokens() -> None:
    text = f"define/*1*/x/*2*/{{u32//3\na/*4*/[/**/2/***/]/* ** */;}}/*5*/;{REPLY}"
    assert load_api_text(text).messages["x"].field("a").length == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: error: empty file: expected a statement"),
        (" \n// only this\n", "1:1: error: empty file: expected a statement"),
        ("define x { u32 a }\n", "1:18: error: unexpected '}': expected ';' or '['"),
        ("define x { };", "1:12: error: unexpected '}': expected one of a name, 'bool',"),
        ("enum e { A };", "1:12: error: unexpected '}': expected one of ',', '=', '['"),
        ("union z", "1:8: error: unexpected end of file: expected '{'"),
        ("foo;", "1:1: error: unexpected 'foo': expected a statement or end of file"),
        ("define x { u32 null; };", "1:16: error: reserved word 'null': expected one of a name,"),
        ("define u8 { u32 a; };", "1:8: error: reserved word 'u8': expected a name"),
        ("typedef stream { u8 a; };", "1:9: error: reserved word 'stream': expected one of a name"),
        ("define x { u32 class; };", "1:16: error: field 'class' is a keyword of Python"),
        ("option a = \n  @;", "2:3: error: unexpected character '@'"),
        ('option a = "b\n";', '1:12: error: string without an end: expected " on the same line'),
        ("option a;\n/* b", "2:1: error: comment without an end: expected */"),
        ("typeonly define x { u32 a; };", "1:10: error: typeonly define is no longer allowed"),
        ("typedef x { option a; u8 b; };", "1:20: error: option a in a typedef: expected a field"),
        ("union x { option a; u8 b; };", "1:18: error: option a in a union: expected a field"),
        ("typedef u8 a[n];", "1:12: error: alias with length 'n': expected a number"),
        ("typedef u8 a[x=1];", "1:12: error: alias with options: expected a plain type"),
        ("typedef x { u8 a[]; };", "1:16: error: u8 a[]: expected a length"),
        ("typedef x { u8 a[-1]; };", "1:18: error: array length -1: expected a whole number"),
        ("typedef x { u8 a[1.5]; };", "1:18: error: array length 1.5: expected a whole number"),
        ("enum e { A = 1.5, };", "1:14: error: A = 1.5: expected an integer"),
        ("enum e : u64 { A, };", "1:10: error: reserved word 'u64': expected one of"),
        ("enumflag e : i8 { A, };", "1:14: error: reserved word 'i8': expected one of"),
        (b'option a;\noption b = "\xc3\xa9\xff";', "2:14: error: byte 0xff is not UTF-8"),
        ("option a = " + "9" * 5000 + ";", "1:12: error: number too large"),
    ],
)
def test_syntax_errors(text: str | bytes, expected: str) -> None:
    assert errors(text)[0].startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("typedef x { vl_api_y_t a; };", "1:24: error: unknown type 'vl_api_y_t'"),
        ("typedef x { y a; };", "1:15: error: unknown type 'y': expected a base type or vl_api"),
        ("typedef x { string a; };", "1:20: error: 'x': string a: expected a length"),
        ("typedef string x;", "1:16: error: alias 'x' of string: expected a length"),
        ("typedef x { vl_api_x_t a; };", "1:9: error: type contains itself: x -> x"),
        (
            "typedef x { vl_api_y_t a; };\ntypedef y { u8 b; };",
            "1:24: error: vl_api_y_t is used before its definition",
        ),
        ("enum x { A, };\ntypedef x { u8 a; };", "2:9: error: second type 'x': the first is at"),
        ("typedef x { u8 a; u8 a; };", "1:22: error: 'x': second field 'a' in one block"),
        ("enum x { A, A, };", "1:13: error: second enumerator 'A' in one enum"),
        ("enum x : u8 { A = 256, };", "1:15: error: A = 256: expected a value of u8"),
        ("enum x : i8 { A = -129, };", "1:15: error: A = -129: expected a value of i8"),
        ("enumflag x { A = 3, };", "1:14: error: A = 0x3: expected at most one bit set"),
        ("enumflag x { A = 1, B, C, };", "1:24: error: C = 0x3: expected at most one bit set"),
        (
            "enum x { A [backwards_compatible], B, };",
            "1:36: error: B: expected it before those marked backwards_compatible",
        ),
        ("typedef x { u8 a[n]; };", "1:16: error: 'x': unknown length field 'n' of 'a'"),
        ("typedef x { u8 n[2]; u8 a[n]; };", "1:25: error: 'x': length field 'n' of 'a'"),
        ("typedef x { f64 n; u8 a[n]; };", "1:23: error: 'x': length field 'n' of 'a'"),
        ("typedef x { u8 n; u8 a[n]; u8 b; };", "1:22: error: 'x': variable field 'a'"),
        ("typedef x { string a[]; u8 b; };", "1:20: error: 'x': variable field 'a'"),
        (
            "typedef y { string s[]; };\ntypedef x { vl_api_y_t a; u8 b; };",
            "2:24: error: 'x': variable field 'a'",
        ),
        (
            "typedef y { string s[]; };\nunion x { vl_api_y_t a; };",
            "2:22: error: 'x': arm 'a' of a union has a variable size",
        ),
        ("typedef u8 x[0];", "1:12: error: alias 'x' of an array without a length"),
        ("typedef x { u8 a[2000000]; };", "1:16: error: 'x': larger than 1048576 bytes"),
        ("define x { u8 a; };", "1:8: error: message 'x': expected message 'x_reply', or a serv"),
        ("define x_reply { u8 a; };", "1:8: error: message 'x_reply': expected message 'x', of w"),
        ("define x_dump { u8 a; };", "1:8: error: message 'x_dump': expected message 'x_details'"),
        ("define x_details { u8 a; };", "1:8: error: message 'x_details': expected message 'x_du"),
        (
            "autoreply define x { u8 a; };\nautoreply define x { u8 a; };",
            "2:18: error: second message 'x': the first is at t.api:1:18",
        ),
    ],
)
def test_semantic_errors(text: str, expected: str) -> None:
    assert errors(text)[0].startswith(expected)


UNION = """\
enum k : u8 { K_A, K_B, };
enum other { O_A, };
union u { u8 a [case=K_A]; u16 b [case=K_B]; };
union bare { u8 a; };
union twice { u8 a [case=K_A]; u8 b [case=K_A]; };
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("vl_api_u_t u [discriminator=k]; vl_api_k_t k;", "expected an earlier field"),
        ("u8 k; vl_api_u_t u [discriminator=k];", "expected an enum, not u8"),
        ("vl_api_k_t k; u32 u [discriminator=k];", "discriminator on u32: expected it on a union"),
        ("vl_api_k_t k; vl_api_bare_t u [discriminator=k];", "expected [case=...]"),
        ("vl_api_other_t k; vl_api_u_t u [discriminator=k];", "expected an enumerator of 'other'"),
        ("vl_api_k_t k; vl_api_twice_t u [discriminator=k];", "second case K_A"),
    ],
)
def test_tagged_unions_are_checked(body: str, expected: str) -> None:
    found = errors(f"{UNION}typedef x {{ {body} }};")
    assert len(found) == 1
    assert found[0].startswith("6:")
    assert expected in found[0]


def test_several_errors_in_one_run() -> None:
    """The parser goes on at the next statement, with the right lines."""
    found = errors("define x { u32 }\n;\ntypedef y { u32; };\noption ok;\nenum z { A };\n")
    assert [line.split(" ")[0] for line in found] == ["1:16:", "3:16:", "5:12:"]
    found = errors("typedef x { foo a; };\n\ntypedef y { bar b; };\n")
    assert [line.split(" ")[0] for line in found] == ["1:17:", "3:17:"]


def test_statements_after_an_error_keep_their_comments_and_lines() -> None:
    text = "foo;\n/* c */\ndefine x { u32 class; };\n"
    assert [line.split(" ")[0] for line in errors(text)] == ["1:1:", "3:16:"]


def test_noise_is_given_up() -> None:
    assert len(errors("define ;\n" * 1000)) == MAX_SYNTAX_ERRORS
    assert "expected an API file of at most" in errors("x" * (MAX_TEXT + 1))[0]
