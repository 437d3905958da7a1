"""CRCs: the published vectors, and the search for what JSON does not tell."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import DEFAULT_EFFORT, ApiError, load, load_api_text, load_json_text
from generator._diagnostics import Location
from generator.crc import chain_crc, statement_text
from generator.emit import api, json
from generator.order import arrange
from generator.schema import DefineDecl, EnumDecl, EnumeratorDecl, FieldDecl, StructDecl

Write = Callable[[dict[str, str]], Path]

HERE = Location("test")

# (fields, CRC) of messages of VPP, as its compiler computes them.
VECTORS = [
    ("u32 client_index; u32 context;", 0x51077D14),
    ("u32 context; i32 retval;", 0xE8D4E804),
    ("u32 context; string name[64];", 0x455FB9C4),
    ("u32 client_index; u32 context; string cmd[];", 0xF8377302),
]


@pytest.mark.parametrize(("fields", "crc"), VECTORS)
def test_vectors(fields: str, crc: int) -> None:
    text = f"service {{ rpc x returns null; }};\ndefine x {{ {fields} }};"
    message = load_api_text(text).messages["x"]
    assert message.crc == crc
    assert message.name_crc == f"x_{crc:08x}"


def test_types_are_folded_in() -> None:
    """`sw_interface_set_flags` of VPP: an alias adds [], an enumflag its members."""
    text = """
        typedef u32 interface_index;
        enumflag if_status_flags : u32 {
          IF_STATUS_API_FLAG_ADMIN_UP = 1, IF_STATUS_API_FLAG_LINK_UP = 2, };
        autoreply define sw_interface_set_flags {
          u32 client_index; u32 context;
          vl_api_interface_index_t sw_if_index; vl_api_if_status_flags_t flags; };
    """
    assert load_api_text(text).messages["sw_interface_set_flags"].crc == 0xF5AEC1B8


def test_arrays_of_types_are_folded_in() -> None:
    """`sockclnt_create_reply` of VPP."""
    text = """
        typedef message_table_entry { u16 index; string name[64]; };
        service { rpc r returns null; };
        define r { u32 client_index; u32 context; i32 response; u32 index; u16 count;
          vl_api_message_table_entry_t message_table[count]; };
    """
    assert load_api_text(text).messages["r"].crc == 0x35166268


def test_what_stays_out() -> None:
    """Name, options, defaults, comments, the backing type of enums, the target of aliases."""
    one = "enum e : u8 { A = 1, }; typedef u8 a[4]; autoreply define x"
    two = "enum e : u32 { A = 1, B [backwards_compatible], }; typedef u16 a; autoreply define y"
    rest = "{ %s u32 client_index; u32 context; vl_api_e_t e; vl_api_a_t a; u8 b %s; };"
    first = load_api_text(one + rest % ("", "")).messages["x"]
    second = load_api_text(two + rest % ("option deprecated;", "[default=3]")).messages["y"]
    assert first.crc == second.crc


def test_wrong_crc_names_both() -> None:
    text = '{"messages": [["x", ["u32", "context"], {"crc": "0x00000bad", "options": {}}]]}'
    with pytest.raises(ApiError) as caught:
        load_json_text(text)
    message = str(caught.value)
    assert "'x': CRC 0x00000bad in the file" in message
    assert "computed from its fields" in message
    computed = message.split("but ")[1][:10]
    assert load_json_text(text.replace("0x00000bad", computed)).messages["x"].crc == int(
        computed, 16
    )


def test_wrong_crcs_are_told_before_the_file_is_searched(write: Write) -> None:
    """JSON of before 20.09 has CRCs of another rule, in the messages and in the file."""
    generate = random.Random(1)
    defines = [
        f"autoreply define m{n} {{ u32 client_index; u32 context; vl_api_t{n}_t t; }};"
        for n in range(40)
    ]
    types = [f"typedef t{n} {{ u32 x{generate.randrange(9)}; }};" for n in range(40)]
    file = load_api_text("\n".join(types + defines), "old.api").files[0]
    text = json.to_text(file).replace(hex(file.crc), "0x123")
    for message in file.messages:
        if not message.name.endswith("_reply"):
            text = text.replace(f"{message.crc:#010x}", "0x00000bad")
    path = write({"old.api.json": text}) / "old.api.json"
    with pytest.raises(ApiError) as caught:
        load(path, effort=10**12)  # so much that a search would not end
    assert "'m0': CRC 0x00000bad in the file" in str(caught.value)
    assert "file CRC" not in str(caught.value)


def test_missing_crc_is_computed() -> None:
    model = load_json_text('{"messages": [["x", ["u32", "client_index"], ["u32", "context"]]]}')
    assert model.messages["x"].crc == 0x51077D14


def test_wrong_file_crc_names_both() -> None:
    file = load_api_text("typedef a { u8 x; };", "a.api").files[0]
    text = json.to_text(file).replace(hex(file.crc), "0x123")
    with pytest.raises(ApiError) as caught:
        load_json_text(text, effort=1000)
    assert "file CRC 0x00000123 in the file" in str(caught.value)
    assert f"{file.crc:#010x} computed" in str(caught.value)


# Where options and imports may stand at the top of a file.
TOPS = [
    'option version = "1.0.0"; option status = "x"; import "t.api"; import "u.api";',
    'import "t.api"; import "u.api"; option version = "1.0.0"; option status = "x";',
    'option version = "1.0.0"; import "t.api"; import "u.api"; option status = "x";',
    'import "t.api"; option version = "1.0.0"; import "u.api"; option status = "x";',
]


@pytest.mark.parametrize("top", TOPS)
def test_order_of_options_and_imports_is_found(top: str, write: Write) -> None:
    """The JSON of each is proven, and the `.api` text made from it gives the same JSON again."""
    text = top + "define m { u32 client_index; u32 context; vl_api_t_t t; vl_api_u_t u; };"
    text += "define m_reply { u32 context; i32 retval; };"
    imports = {"t.api": "typedef t { u8 a; };", "u.api": "enum u { U = 1, };"}
    before = load(write({**imports, "m.api": text}) / "m.api").files[0]
    written = {
        f"{name}.json": json.to_text(load_api_text(imports[name], name).files[0])
        for name in imports
    }
    path = write({**written, "m.api.json": json.to_text(before)}) / "m.api.json"
    after = load(path, effort=DEFAULT_EFFORT).files[0]
    assert after.crc == before.crc
    again = load(write({"m.api": api.to_text(after)}) / "m.api").files[0]
    assert json.to_text(again) == json.to_text(before)


@st.composite
def files(draw: st.DrawFn) -> list[StructDecl | EnumDecl | DefineDecl]:
    """Own statements of a file in a likely order: types near or before their first use."""
    generate = random.Random(draw(st.integers(0, 2**32)))
    statements: list[StructDecl | EnumDecl | DefineDecl] = []
    types: list[str] = []
    for number in range(draw(st.integers(2, 14))):
        pick = generate.random()
        used = [FieldDecl(f"vl_api_{name}_t", f"f{name}") for name in types[-2:]]
        if pick < 0.15:
            members = (EnumeratorDecl(f"E{number}", number),)
            statements.append(EnumDecl(f"e{number}", "u32", members, HERE))
            types.append(f"e{number}")
        elif pick < 0.3:
            fields = (FieldDecl("u8", f"x{number}"), *used[:1])
            statements.append(StructDecl(f"s{number}", fields, HERE))
            types.append(f"s{number}")
        else:
            head = (FieldDecl("u32", "context"), FieldDecl("u32", f"m{number}"))
            statements.append(DefineDecl(f"m{number}", (*head, *used), HERE))
    return statements


@settings(max_examples=60)
@given(files())
def test_order_is_found_again(statements: list[StructDecl | EnumDecl | DefineDecl]) -> None:
    """Take statements apart as JSON does; the arrangement found has the CRC of the original."""
    crc = chain_crc(statement_text(item, {}) for item in statements)
    enums = [item for item in statements if isinstance(item, EnumDecl)]
    structs = [item for item in statements if isinstance(item, StructDecl)]
    defines = [item for item in statements if isinstance(item, DefineDecl)]
    found = arrange([*enums, *structs], defines, {}, [], crc, 100_000)
    assert found is not None
    assert chain_crc(statement_text(item, {}) for item in found.statements) == crc
    assert sorted(item.name for item in found.statements) == sorted(
        item.name for item in statements
    )
