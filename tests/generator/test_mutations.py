"""Whatever is done to an input, the answer is a model, or an `ApiError` with places."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from generator import ApiError, Diagnostic, load_api_text, load_json_text
from generator.emit import api
from generator.emit import json as json_emitter
from generator.model import Model

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TEXTS = [path.read_text("utf-8") for path in sorted((GOLDEN / "input").glob("*.api"))]
DOCUMENTS = [json.loads(path.read_bytes()) for path in sorted((GOLDEN / "json").iterdir())]

PIECES = [
    *"{}[];=:,.\"'\\/*\n\t\0é",
    *("define", "typedef", "enum", "union", "string", "u8", "vl_api_item_t", "0", "-1", "1.5"),
    *("null", "returns", "stream", "option", "service", "true", "//", "/*", "*/", "import"),
]

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "a", "u8", "string", "vl_api_item_t", "0x1", "null", "\ud800", "é"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["crc", "options", "type", "length", "a"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def model_or_errors(load: Callable[[], Model]) -> Model | None:
    """The model, or None after a look at the errors."""
    found: tuple[Diagnostic, ...] = ()
    try:
        return load()
    except ApiError as problem:
        found = problem.diagnostics
    assert found
    assert all(str(item.where).startswith("t.api") for item in found)
    return None


def check(model: Model) -> None:
    """What loads can be printed, and printed text loads again with the same messages."""
    for file in model:
        json_emitter.to_text(file)
        again = load_api_text(api.to_text(file), file.name)
        assert {name: item.crc for name, item in again.messages.items()} == {
            item.name: item.crc for item in file.messages
        }


@settings(max_examples=300)
@given(
    st.sampled_from([text for text in TEXTS if "import " not in text]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.sampled_from(PIECES)), max_size=3),
)
def test_api_texts(text: str, edits: list[tuple[float, int, str]]) -> None:
    for place, dropped, piece in edits:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + dropped :]
    model = model_or_errors(lambda: load_api_text(text, "t.api"))
    if model is not None:
        check(model)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything inside a document."""
    found = [path]
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            found += places(item, (*path, at))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with one thing replaced."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


@settings(max_examples=300)
@given(st.data())
def test_json_documents(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(document)))
        document = put(document, path, data.draw(JUNK))
    text = json.dumps(document)
    model = model_or_errors(lambda: load_json_text(text, "t.api.json", effort=200))
    for file in model or ():
        json_emitter.to_text(file)
