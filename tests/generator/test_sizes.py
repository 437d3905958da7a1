"""Layout: offsets, sizes, tails; properties checked against an independent count."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from generator import load_api_text
from generator.model import BASE_TYPES, Header, Model, Shape, Status, Struct, Tail, Union

NUMBERS = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f64", "bool"]


def tail_of(model: Model, name: str) -> Tail:
    tail = model.messages[name].tail
    assert tail is not None
    return tail


def test_base_types() -> None:
    for name in NUMBERS:
        assert BASE_TYPES[name].size == struct.calcsize(f">{BASE_TYPES[name].code}")
    swapped = {name for name in NUMBERS if BASE_TYPES[name].is_swapped}
    assert swapped == {"u16", "u32", "u64", "i16", "i32", "i64"}


def test_aliases_and_arrays(golden: Model) -> None:
    message = golden.messages["port_set"]
    assert [(item.name, item.offset, item.size) for item in message.fields] == [
        ("client_index", 2, 4),
        ("context", 6, 4),
        ("port", 10, 4),
        ("links", 14, 8),
        ("address", 22, 6),
        ("others", 28, 18),
        ("timeout", 46, 8),
        ("label", 54, 16),
    ]
    assert (message.size, message.tail, message.header) == (70, None, Header.REQUEST)
    assert message.payload[0].name == "port"


def test_unions(golden: Model) -> None:
    shape = golden.types["shape"]
    assert isinstance(shape, Union)
    assert shape.size == 12
    assert [(arm.offset, arm.size, arm.case) for arm in shape.fields] == [
        (0, 4, "SHAPE_CIRCLE"),
        (0, 12, "SHAPE_BOX"),
        (0, 5, "SHAPE_NAMED"),
    ]
    figure = golden.types["figure"]
    assert isinstance(figure, Struct)
    assert figure.size == 15
    assert figure.field("shape").discriminator == "kind"
    assert shape.is_swapped


def test_tails(golden: Model) -> None:
    vla = tail_of(golden, "vla_message")
    assert (vla.path, vla.count_path, vla.offset, vla.element_size) == (("values",), ("n",), 15, 8)
    assert (vla.count_type.name, vla.count_offset) == ("u32", 10)
    string = tail_of(golden, "string_message")
    assert (string.shape, string.path, string.count_path) == (Shape.STRING, ("text",), ("text",))
    assert (string.offset, string.count_offset, string.element_size) == (14, 10, 1)
    nested = tail_of(golden, "nested_message")
    assert nested.path == ("outer", "batch", "items")
    assert nested.count_path == ("outer", "batch", "count")
    # 10 header, 2 before, 5 first item: the batch begins at 17 with its count.
    assert (nested.count_offset, nested.offset, nested.element_size) == (17, 20, 5)
    assert nested.count_type.name == "u8"
    named = tail_of(golden, "named_message")
    assert (named.path, named.offset, named.count_offset) == (("named", "name"), 18, 14)
    assert golden.messages["text_message"].tail is None


def test_headers_and_status(golden: Model) -> None:
    headers = {name: golden.messages[name].header for name in ("bare_one", "event_like", "answer")}
    assert headers == {
        "bare_one": Header.BARE,
        "event_like": Header.EVENT,
        "answer": Header.REQUEST,
    }
    assert golden.messages["answer_reply"].header is Header.REQUEST
    assert golden.messages["retval_late_reply"].retval_offset == 10
    assert golden.messages["bare_one"].context_offset is None
    assert [item.size for item in Header] == [10, 6, 6, 2]
    assert golden.messages["old_call"].status is Status.DEPRECATED
    assert golden.messages["other_call"].status is Status.IN_PROGRESS  # file version 0.9.0
    assert golden.messages["plain"].status is Status.PRODUCTION


def test_unbounded_tail() -> None:
    text = "service { rpc m returns null; };\ndefine m { u32 context; u16 rest[0]; };"
    tail = load_api_text(text).messages["m"].tail
    assert tail is not None
    assert (tail.shape, tail.count_path, tail.count_offset) == (Shape.UNBOUNDED, (), -1)
    assert (tail.offset, tail.element_size) == (6, 2)


@st.composite
def blocks(draw: st.DrawFn) -> list[tuple[str, int | None]]:
    """Fields: (type, array length or None)."""
    return draw(
        st.lists(
            st.tuples(st.sampled_from(NUMBERS), st.none() | st.integers(1, 9)),
            min_size=1,
            max_size=12,
        )
    )


@given(blocks(), blocks())
def test_packed_layout(
    inner: list[tuple[str, int | None]], outer: list[tuple[str, int | None]]
) -> None:
    """Offsets and sizes equal those of Python's `struct` without alignment."""

    def body(rows: list[tuple[str, int | None]]) -> str:
        return " ".join(
            f"{kind} f{at}{'' if length is None else f'[{length}]'};"
            for at, (kind, length) in enumerate(rows)
        )

    def code(rows: list[tuple[str, int | None]]) -> str:
        return "".join(f"{length or 1}{BASE_TYPES[kind].code}" for kind, length in rows)

    text = f"typedef inner {{ {body(inner)} }};\n"
    text += f"typedef outer {{ {body(outer)} vl_api_inner_t last[2]; }};"
    model = load_api_text(text)
    made = model.types["outer"]
    assert isinstance(made, Struct)
    assert model.types["inner"].size == struct.calcsize(f">{code(inner)}")
    assert made.size == struct.calcsize(f">{code(outer)}{code(inner)}{code(inner)}")
    for at, item in enumerate(made.fields[:-1]):
        assert item.offset == struct.calcsize(f">{code(outer[:at])}")
        assert item.size == struct.calcsize(f">{code(outer[at : at + 1])}")
