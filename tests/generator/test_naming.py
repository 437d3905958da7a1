"""Identifiers: VAPI's to the letter, changed only where a language cannot have them."""

from __future__ import annotations

import enum
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import load_api_text, naming
from generator.model import BASE_TYPES, Model, Struct, Tail
from vapi_cffi._blocks import arm_name, class_name, field_name

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
TAKEN = naming.CLASS_TAKEN | naming.PYTHON_TAKEN | naming.UNION_TAKEN


def test_c_types(golden: Model) -> None:
    assert naming.c_type(golden.types["figure"]) == "vapi_type_figure"
    assert naming.c_type(golden.types["shape"]) == "vapi_union_shape"
    assert naming.c_type(golden.types["shape_kind"]) == "vapi_enum_shape_kind"
    assert naming.c_type(golden.types["hw_address"]) == "vapi_type_hw_address"
    assert naming.c_type(BASE_TYPES["f64"]) == "f64"
    named = golden.types["named"]
    assert isinstance(named, Struct)
    assert naming.c_type_of(named.field("name")) == "vl_api_string_t"
    assert naming.c_type_of(golden.messages["text_message"].field("text")) == "u8"


def test_file_symbols() -> None:
    assert naming.c_guard("foo.api") == "__included_foo_api_json"
    assert naming.cpp_guard("a-b.c+d@e.api") == "__included_hpp_a_b_c_d_e_api_json"
    assert naming.c_ids_macro("foo.api") == "DEFINE_VAPI_MSG_IDS_FOO_API_JSON"


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ("vla_message", "_values_array_size"),
        ("nested_message", "outer_batch_items_array_size"),
        ("string_message", "text_buf_array_size"),
        ("named_message", "named_name_buf_array_size"),
    ],
)
def test_size_parameters(golden: Model, message: str, parameter: str) -> None:
    tail = golden.messages[message].tail
    assert isinstance(tail, Tail)
    assert naming.c_size_parameter(tail) == parameter


def test_classes() -> None:
    assert naming.cpp_class("show_version") == "Show_version"
    assert naming.python_class("sw_interface_set_mtu") == "SwInterfaceSetMtu"
    assert naming.python_class("6rd_add") == "_6rdAdd"
    assert naming.python_class("none") == "None_"
    assert naming.python_module("foo-bar") == "foo_bar"
    assert naming.python_module("import") == "import_"


def test_keywords() -> None:
    assert naming.c_field("class") == "class_"
    assert naming.c_field("default") == "default_"
    assert naming.c_field("context") == "context"
    assert naming.python_field("from") == "from_"
    assert naming.clashes("if") == ["C", "C++", "Python"]
    assert naming.clashes("this") == ["C++"]
    assert naming.clashes("lambda") == ["Python"]
    assert naming.clashes("mtu") == []
    assert [naming.c_field(name) for name in ("unix", "requires", "mtu")] == [
        "unix_",
        "requires_",
        "mtu",
    ]


@given(NAMES | st.sampled_from(sorted(TAKEN)))
def test_the_run_time_has_the_same_names(name: str) -> None:
    assert naming.python_field(name) == field_name(name)
    assert naming.python_arm(name) == arm_name(name)
    assert naming.python_class(name) == class_name(name)


@given(NAMES)
def test_python_names_are_names(name: str) -> None:
    for made in (
        naming.python_field(name),
        naming.python_class(name),
        naming.python_member(name),
        naming.python_module(name),
    ):
        assert made.isidentifier()
        assert not keyword.iskeyword(made)


@given(NAMES)
def test_members_make_enums(name: str) -> None:
    made = enum.IntEnum("E", {naming.python_member(name): 1})  # type: ignore[misc]
    assert [item.name for item in made] == [naming.python_member(name)]


@given(NAMES)
def test_c_names_are_no_keywords(name: str) -> None:
    assert naming.c_field(name) not in naming.CPP_KEYWORDS
    assert naming.cpp_class(name) not in naming.CPP_KEYWORDS


def test_reserved_words_are_those_of_the_grammar() -> None:
    """The list in `naming` and the grammar say the same."""
    from generator.parser import _grammar

    lark, _ = _grammar()
    words = {item.pattern.value for item in lark.terminals if item.pattern.value.isidentifier()}
    assert words == naming.API_RESERVED
    for word in sorted(naming.FIELD_WORDS):
        load_api_text(f"typedef t {{ u8 {word}; }};")
