"""Golden files, one small input a feature.

`golden/input/` has the inputs, `golden/json/` what VPP's own compiler (26.06) printed for each, and
`golden/api/` the canonical text. `GOLDEN_UPDATE=1 pytest ...` rewrites the latter: review the diff.
The former only ever comes from VPP's compiler.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from generator import load, load_json_text
from generator.emit import api, json
from generator.model import Model

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
MODULES = sorted(path.name.removesuffix(".api.json") for path in (GOLDEN / "json").iterdir())


@pytest.mark.parametrize("module", MODULES)
def test_json_is_what_the_compiler_of_vpp_prints(golden: Model, module: str) -> None:
    expected = (GOLDEN / "json" / f"{module}.api.json").read_text("utf-8")
    assert json.to_text(golden.file(module)) == expected


@pytest.mark.parametrize("module", MODULES)
def test_both_front_ends_give_equal_models(golden: Model, module: str) -> None:
    """The oracle of the parser: JSON inlines imports and expands replies, the models are equal."""
    from_json = load(GOLDEN / "json").file(module)
    assert from_json == golden.file(module)
    assert from_json.is_json
    assert not golden.file(module).is_json


@pytest.mark.parametrize("module", MODULES)
def test_json_alone_gives_an_equal_model(golden: Model, module: str) -> None:
    """Without the files that it imports, as from a server."""
    text = (GOLDEN / "json" / f"{module}.api.json").read_text("utf-8")
    assert load_json_text(text).files == (golden.file(module),)


@pytest.mark.parametrize("module", MODULES)
def test_canonical_text(golden: Model, module: str) -> None:
    path = GOLDEN / "api" / f"{module}.api.txt"
    text = api.to_text(golden.file(module))
    if os.environ.get("GOLDEN_UPDATE"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_text_from_json_closes(golden: Model, tmp_path: Path) -> None:
    """.api -> JSON -> .api -> JSON, through files."""
    from_json = load(GOLDEN / "json")
    for file in from_json:
        path = tmp_path / api.path_of(file, from_json)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(api.to_text(file), "utf-8")
    again = load(tmp_path, [tmp_path])
    assert again == golden
    assert [json.to_text(file) for file in again] == [json.to_text(file) for file in golden]


def test_what_json_does_not_tell_is_inferred(golden: Model) -> None:
    """Generated replies, marked enumerators and the owners of types, found from CRCs and names."""
    from_json = load(GOLDEN / "json")
    for file in golden:
        other = from_json.file(file.module)
        assert [item.is_generated for item in file.messages] == [
            item.is_generated for item in other.messages
        ]
        assert {item.name for item in file.own_types} == {item.name for item in other.own_types}
    grown = from_json.types["grown"]
    assert grown.kind == "enum"
    assert [item.is_backwards_compatible for item in grown.members] == [False, True, True]
