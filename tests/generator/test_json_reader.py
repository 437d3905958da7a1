"""`.api.json`: forms, older and hand-made files, errors with their places."""

from __future__ import annotations

import json

import pytest

from generator import ApiError, load_json_text
from generator.model import Rpc, Shape


def errors(text: str) -> list[str]:
    with pytest.raises(ApiError) as caught:
        load_json_text(text, "t.api.json")
    return [str(item).removeprefix("t.api.json:") for item in caught.value.diagnostics]


def test_every_key_may_be_missing() -> None:
    model = load_json_text('{"enums": [["e", ["A", 1]]]}', "some.api.json")
    assert model.files[0].module == "some"
    assert model.types["e"].size == 4
    assert model.files[0].version == (0, 0, 0)


def test_a_file_of_an_older_release() -> None:
    """22.02: no `module`, no comments, options only sometimes."""
    text = json.dumps(
        {
            "types": [["t", ["u8", "a"], ["vl_api_e_t", "e"]]],
            "messages": [
                ["x", ["u16", "_vl_msg_id"], ["vl_api_t_t", "t"], {"crc": "0x3b2e3c5e"}],
                ["x_reply", ["u16", "_vl_msg_id"], ["u32", "context"], ["i32", "retval"]],
            ],
            "enums": [["e", ["A", 0], {"enumtype": "u16"}]],
            "services": {"x": {"reply": "x_reply"}},
            "options": {"version": "1.0.0"},
            "aliases": {},
            "vl_api_version": "0x1234",
            "imports": [],
        }
    )
    with pytest.raises(ApiError) as caught:
        load_json_text(text, "old.api.json")
    computed = str(caught.value).split("but ")[1][:10]
    model = load_json_text(text.replace("0x3b2e3c5e", computed), "old.api.json")
    assert model.messages["x"].size == 5
    assert model.files[0].module == "old"
    assert model.files[0].crc == 0x1234


def test_invented_crcs_are_taken_when_they_are_trusted() -> None:
    text = json.dumps(
        {
            "messages": [
                ["made_up", ["u32", "context"], {"crc": "0xcafebafe"}],
                ["without", ["u32", "context"]],
            ]
        }
    )
    assert "CRC 0xcafebafe in the file" in errors(text)[0]
    trusted = load_json_text(text, trust_crc=True).messages
    assert trusted["made_up"].name_crc == "made_up_cafebafe"
    computed = load_json_text(text.replace(', {"crc": "0xcafebafe"}', "")).messages
    assert trusted["without"] == computed["without"]


def test_services_are_derived_where_the_key_is_missing() -> None:
    messages = [[name, ["u32", "context"]] for name in ("a", "a_reply", "b_dump", "b_details", "c")]
    services = load_json_text(json.dumps({"messages": messages})).services
    assert {name: item.kind for name, item in services.items()} == {
        "a": Rpc.REQUEST,
        "b_dump": Rpc.DUMP,
    }
    assert load_json_text(json.dumps({"messages": messages, "services": {}})).services == {}


@pytest.mark.parametrize("stream", [True, "true", 1])
def test_stream_is_true_in_many_ways(stream: object) -> None:
    document = {
        "messages": [["a_dump", ["u32", "context"]], ["a_details", ["u32", "context"]]],
        "services": {"a_dump": {"reply": "a_details", "stream": stream}},
    }
    assert load_json_text(json.dumps(document)).services["a_dump"].kind is Rpc.DUMP


def test_repeats_are_one_type() -> None:
    text = '{"types": [["t", ["u8", "a"]], ["t", ["u8", "a"]]], "imports": ["x.api", "x.api"]}'
    file = load_json_text(text).files[0]
    assert len(file.types) == 1
    assert len(file.structs) == 2
    assert file.imports == ("x.api", "x.api")


def test_types_need_no_order() -> None:
    text = '{"types": [["a", ["vl_api_b_t", "b"]], ["b", ["vl_api_c_t", "c"]]], '
    text += '"aliases": {"c": {"type": "u16", "length": 3}}}'
    file = load_json_text(text).files[0]
    assert [item.name for item in file.types] == ["c", "b", "a"]
    assert file.types[2].size == 6


def test_an_array_of_files() -> None:
    """What a server's get_api_json gives."""
    one = '{"module": "a", "types": [["t", ["u8", "x"]]]}'
    two = '{"module": "b", "types": [["t", ["u8", "x"]]], "imports": ["vnet/a.api"]}'
    model = load_json_text(f"[{one}, {two}]")
    assert [file.module for file in model] == ["a", "b"]
    assert model.types["t"].origin == "a"
    assert model.file("b").types[0] is model.types["t"]
    assert model.home(model.types["t"]).module == "a"


def test_field_forms() -> None:
    rows = [
        ["u8", "n"],
        ["bool", "b", {"default": "true"}],
        ["u8", "two", 2],
        ["string", "text", 16],
        ["u32", "tail", 0, "n"],
    ]
    message = load_json_text(json.dumps({"messages": [["m", *rows]]})).messages["m"]
    assert [item.shape for item in message.fields] == [
        Shape.SCALAR,
        Shape.SCALAR,
        Shape.ARRAY,
        Shape.TEXT,
        Shape.VLA,
    ]
    assert message.field("n").counts == "tail"
    assert message.field("b").default == "true"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: error: not JSON: expecting value"),
        ('{\n"types": [}', "2:11: error: not JSON: expecting value"),
        ("null", "1:1: error: null: expected an object"),
        ("5", "1:1: error: 5: expected an object"),
        ("{}", "1:1: error: no key of an API file"),
        ("[1]", "1:2: error: 1: expected an object"),
        ("[" * 100_000, "1:1: error: nested too deeply"),
        ('{"options": {"a": NaN}}', "1:1: error: not an API file: NaN is not a value"),
        ('{"types": {}}', "1:11: error: {}: expected an array"),
        ('{"types": [5]}', "1:12: error: 5: expected an array that starts with a name"),
        ('{"types": [[]]}', "1:12: error: []: expected an array that starts with a name"),
        ('{"types": [["a b"]]}', '1:13: error: "a b": expected a name: letters, digits and _'),
        ('{"types": [["a", ["u8"]]]}', '1:18: error: ["u8"]: expected a field'),
        ('{"types": [["a", ["u8", "b", -1]]]}', "1:30: error: -1: expected an array length"),
        ('{"types": [["a",\n ["u8", "b", 0, 7]]]}', "2:17: error: 7: expected the name of the"),
        ('{"types": [["a", ["u9", "b"]]]}', "1:18: error: unknown type 'u9'"),
        ('{"types": [["a", ["vl_api_a_t", "b"]]]}', "1:12: error: type contains itself: a -> a"),
        ('{"enums": [["e", ["A"]]]}', '1:18: error: ["A"]: expected an enumerator'),
        ('{"enums": [["e", ["A", "1"]]]}', '1:18: error: ["A", "1"]: expected an enumerator'),
        ('{"enums": [["e", ["A", 1], {"enumtype": "u7"}]]}', "1:12: error: enum 'e' on 'u7'"),
        ('{"messages": [["m", {"crc": 5}]]}', "1:29: error: 5: expected a CRC"),
        ('{"messages": [["m", {"crc": "0x123456789"}]]}', '1:29: error: "0x123456789": expec'),
        ('{"messages": [["m"], ["m"]]}', "1:22: error: second message 'm'"),
        ('{"messages": [["m"]], "services": {"m": 1}}', "1:41: error: 1: expected an object"),
        ('{"messages": [["m"]], "services": {"m": {"reply": "r"}}}', "1:41: error: service: unk"),
        ('{"aliases": {"a": "u8"}}', '1:19: error: "u8": expected an object such as'),
        ('{"aliases": {"a": {"type": "u8", "length": "4"}}}', '1:44: error: "4": expected an arr'),
        ('{"imports": [7]}', "1:14: error: 7: expected the path of an API file"),
        ('{"counters": [{"name": "c", "elements": [5]}]}', "1:42: error: 5: expected an object"),
        ('{"paths": [5]}', "1:12: error: 5: expected an object with path and counter"),
        ('{"module": "../x", "types": []}', '1:12: error: "../x": expected the name of a module'),
        ('{"vl_api_version": "x", "types": []}', '1:20: error: "x": expected a CRC'),
    ],
)
def test_errors_have_a_place(text: str, expected: str) -> None:
    assert errors(text)[0].startswith(expected)


def test_several_errors_in_one_run() -> None:
    found = errors('{"types": [["a", 1], ["b", ["u8", "c"]], ["d", 2]]}')
    assert [line.split(" ")[0] for line in found] == ["1:18:", "1:48:"]


def test_one_name_is_one_type() -> None:
    one = '{"module": "a", "types": [["t", ["u8", "x"]]]}'
    two = '{"module": "b", "types": [["t", ["u16", "x"]]]}'
    assert "type 't' differs from the one at" in errors(f"[{one}, {two}]")[0]
