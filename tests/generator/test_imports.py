"""Imports: where they are looked for, what they bring, and what is wrong with some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import generator
from generator import ApiError
from generator.emit import json
from generator.model import Model

Write = Callable[[dict[str, str]], Path]

TYPES = 'option version = "1.0.0";\nenum e { E_A, };\ntypedef t { vl_api_e_t e; };\n'
USER = """
import "lib/t_types.api";
autoreply define m { u32 client_index; u32 context; vl_api_t_t t; };
"""


def test_include_directories_come_first(write: Write) -> None:
    root = write(
        {
            "one/lib/t_types.api": TYPES,
            "two/lib/t_types.api": TYPES.replace("E_A,", "E_A, E_B,"),
            "two/m.api": USER,
        }
    )
    nearby = generator.load(root / "two/m.api")
    included = generator.load(root / "two/m.api", [root / "one", root / "two"])
    assert len(nearby.types["e"].members) == 2  # type: ignore[union-attr]
    assert len(included.types["e"].members) == 1  # type: ignore[union-attr]
    assert nearby.messages["m"].crc != included.messages["m"].crc


def test_parents_of_the_importing_file(write: Write) -> None:
    root = write({"src/lib/t_types.api": TYPES, "src/plugins/deep/m.api": USER})
    model = generator.load(root / "src/plugins/deep/m.api")
    assert model.types["t"].origin == "t_types"
    assert [file.module for file in model] == ["m"]
    assert model.home(model.types["t"]).module == "m"


@pytest.mark.parametrize("place", ["lib", ".", "core", "plugins"])
def test_json_serves_as_well(write: Write, place: str) -> None:
    """A plugin is compiled on a machine that has no sources of VPP, only its installed JSON."""
    root = write({"src/lib/t_types.api": TYPES, "src/m.api": USER, "plugin/m.api": USER})
    from_source = generator.load([root / "src/m.api", root / "src/lib/t_types.api"])
    installed = root / "share" / place / "t_types.api.json"
    installed.parent.mkdir(parents=True)
    installed.write_text(json.to_text(from_source.file("t_types")))
    model = generator.load(root / "plugin/m.api", [root / "share"])
    assert model.files == (from_source.file("m"),)
    assert model.warnings == ()


def test_marks_in_imported_json_are_found(write: Write) -> None:
    """JSON does not mark `backwards_compatible`; the CRC of the importing message depends on it."""
    marked = TYPES.replace("E_A,", "E_A, E_B, E_C [backwards_compatible],")
    root = write({"src/lib/t_types.api": marked, "src/m.api": USER, "plugin/m.api": USER})
    from_source = generator.load([root / "src/m.api", root / "src/lib/t_types.api"])
    (root / "plugin/t_types.api.json").write_text(json.to_text(from_source.file("t_types")))
    model = generator.load(root / "plugin/m.api")
    assert model.messages["m"].crc == from_source.messages["m"].crc
    assert model.files[0].crc == from_source.file("m").crc


def test_plugins_of_vpp_from_installed_json(corpus: Model, corpus_dir: Path, write: Write) -> None:
    """`.api` text of VPP's plugins against the JSON of its core: the same models."""
    from generator.emit import api

    for name in ("abf", "acl", "gtpu", "lcp", "wireguard"):
        root = write({f"{name}.api": api.to_text(corpus.file(name))})
        model = generator.load(root / f"{name}.api", [corpus_dir])
        assert model.files == (corpus.file(name),)


def test_cycles(write: Write) -> None:
    root = write(
        {
            "a.api": 'import "b.api";\ntypedef a { u8 x; };',
            "b.api": '\n import "c.api";\ntypedef b { u8 x; };',
            "c.api": 'import "a.api";\ntypedef c { u8 x; };',
            "self.api": 'import "self.api";',
        }
    )
    with pytest.raises(ApiError) as caught:
        generator.load(root / "a.api")
    assert f"{root}/c.api:1:8: error: cycle of imports: {root}/a.api -> " in str(caught.value)
    with pytest.raises(ApiError, match="cycle of imports"):
        generator.load(root / "self.api")


def test_missing_imports_are_all_named(write: Write) -> None:
    root = write({"a.api": 'import "x.api";\nimport "y.api";\ntypedef a { u8 x; };'})
    with pytest.raises(ApiError) as caught:
        generator.load(root / "a.api")
    assert [str(item.where).split(":")[1] for item in caught.value.diagnostics] == ["1", "2"]
    assert "expected it below an include directory" in str(caught.value)


def test_errors_in_imported_files_name_those(write: Write) -> None:
    root = write(
        {"a.api": 'import "b.api";\ntypedef a { u8 x; };', "b.api": "\ntypedef b { u8; };"}
    )
    with pytest.raises(ApiError) as caught:
        generator.load(root / "a.api")
    assert str(caught.value).startswith(f"{root}/b.api:2:15: error: unexpected ';'")


def test_imports_bring_types_alone(write: Write) -> None:
    extra = TYPES + "autoreply define other { u32 context; };\ncounters c { n { type t; }; };"
    root = write({"lib/t_types.api": extra, "m.api": USER})
    file = generator.load(root / "m.api").files[0]
    assert [item.name for item in file.messages] == ["m", "m_reply"]
    assert file.counters == ()
    assert dict(file.options) == {}


def test_an_import_reached_twice_appears_twice(golden: Model) -> None:
    file = golden.file("importing")
    assert file.imports == ("net/base_types.api", "net/more_types.api", "net/base_types.api")
    assert [item.name for item in file.structs].count("place") == 2
    assert [item.name for item in file.types].count("place") == 1


def test_deep_imports_end(write: Write) -> None:
    files = {
        f"i{at}.api": f'import "i{at + 1}.api";\ntypedef t{at} {{ u8 x; }};' for at in range(60)
    }
    root = write({**files, "i60.api": "typedef t60 { u8 x; };"})
    with pytest.raises(ApiError, match="imports nested more than 50 deep"):
        generator.load(root / "i0.api")
    assert generator.load(root / "i30.api").types["t60"].size == 1


def test_directories_and_what_is_in_them(write: Write) -> None:
    root = write({"d/a.api": TYPES, "d/a.api.json": "broken", "d/b.api.json": '{"types": []}'})
    assert [file.module for file in generator.load(root / "d")] == ["a", "b"]
    (root / "empty").mkdir()
    with pytest.raises(ApiError, match="no API file in it"):
        generator.load(root / "empty")
    with pytest.raises(ApiError, match="no such file or directory"):
        generator.load(root / "nowhere.api")


def test_two_files_of_one_module(write: Write) -> None:
    root = write({"d/a.api": TYPES, "e/a.api": TYPES})
    with pytest.raises(ApiError, match="second file of module 'a'"):
        generator.load([root / "d", root / "e"])
