"""`vapi snapshot` and `vapi diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vapi_cffi.cli._changes import compare

from .conftest import Vapi  # type: ignore[import-not-found]


def test_a_snapshot_has_the_state(vapi: Vapi, tmp_path: Path) -> None:
    index = vapi.loopback()
    vapi.ok(
        "call",
        "sw_interface_add_del_address",
        f"sw_if_index={index}",
        "is_add=true",
        "prefix=10.9.0.1/24",
    )
    file = tmp_path / "before.json"
    done = vapi("snapshot", str(file))
    assert done.code == 0, done.err
    assert done.out == ""
    whole = json.loads(file.read_text())
    state = whole["state"]
    assert [row["sw_if_index"] for row in state["sw_interface_dump"]][-1] == index
    addresses = state[f"ip_address_dump sw_if_index={index} is_ipv6=false"]
    assert addresses[0]["prefix"] == "10.9.0.1/24"
    assert "ip_route_v2_dump table.table_id=0 table.is_ip6=false" in state
    assert not [path for path in tmp_path.iterdir() if path != file], "nothing else is left"
    assert json.loads(vapi.ok("snapshot", "-"))["state"] == state
    assert json.loads(vapi.ok("snapshot"))["state"] == state


def test_the_difference_to_the_live_state(vapi: Vapi, tmp_path: Path) -> None:
    index = vapi.loopback()
    gone = vapi.loopback()
    name = f"loop{index - 1}"
    file, after = tmp_path / "before.json", tmp_path / "after.json"
    vapi.ok("snapshot", str(file))
    assert vapi.ok("diff", str(file)) == ""
    vapi.ok("call", "sw_interface_set_flags", f"sw_if_index={index}", "flags=admin_up")
    vapi.ok("call", "delete_loopback", f"sw_if_index={gone}")
    done = vapi("diff", str(file))
    assert done.code == 1
    lines = done.out.splitlines()
    assert f"~ sw_interface_dump: {name}: flags: 0 -> " in lines[0]
    assert lines[1] == f"- sw_interface_dump: loop{gone - 1}"
    assert len(lines) == 2
    vapi.ok("snapshot", str(after))
    assert vapi("diff", str(file), str(after)).out == done.out
    assert vapi("diff", str(after), str(file)).out.splitlines()[1].startswith("+ ")
    changes = json.loads(vapi("diff", str(file), str(after), "-o", "json").out)
    assert changes[0]["fields"]["flags"]["old"] == 0
    assert changes[1]["change"] == "-"
    assert vapi("diff", str(file), "--ignore", "flags").out.splitlines() == lines[1:]
    assert vapi.ok("diff", str(file), "-m", "ip_table_dump") == ""


def test_chosen_messages(vapi: Vapi, tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    vapi.ok(
        *("snapshot", str(file), "-m", "sw_interface_dump,ip_table_dump"),
        *("-m", "ip_route_v2_dump table.table_id=0"),
    )
    assert list(json.loads(file.read_text())["state"]) == [
        "sw_interface_dump",
        "ip_table_dump",
        "ip_route_v2_dump table.table_id=0",
    ]
    assert vapi.ok("diff", str(file)) == "", "the live state is asked the same"
    done = vapi("snapshot", "-m", "ip_tabel_dump")
    assert "did you mean 'ip_table_dump'" in done.error
    assert "use `vapi call" in vapi("snapshot", "-m", "show_version").error


def test_what_changes_by_itself_is_left_out(vapi: Vapi, tmp_path: Path) -> None:
    texts = []
    for age in (1.5, 2.5):
        file = tmp_path / f"{age}.json"
        state = {"ip_neighbor_dump": [{"name": "n", "age": age}]}
        file.write_text(json.dumps({"vapi_snapshot": 1, "messages": [], "state": state}))
        texts.append(str(file))
    assert vapi.ok("diff", *texts) == ""
    done = vapi("diff", *texts, "--strict")
    assert done.out == "~ ip_neighbor_dump: n: age: 1.5 -> 2.5\n"
    assert done.code == 1


def test_a_snapshot_that_cannot_be_written_names_its_file(vapi: Vapi, tmp_path: Path) -> None:
    done = vapi("snapshot", f"{tmp_path}/nowhere/x.json", "-m", "ip_table_dump")
    assert done.code == 1
    assert done.error == f"vapi: {tmp_path}/nowhere/x.json: No such file or directory\n"


def test_what_is_no_snapshot(vapi: Vapi, tmp_path: Path) -> None:
    for content in ("", "[]", "{}", '{"vapi_snapshot": 1, "state": [1], "messages": []}'):
        file = tmp_path / "bad.json"
        file.write_text(content)
        done = vapi("diff", str(file))
        assert done.code == 2
        assert "is no snapshot" in done.error
    file.write_text('{"vapi_snapshot": 99, "state": {}, "messages": []}')
    assert "format 99" in vapi("diff", str(file)).error
    assert vapi("diff", str(tmp_path / "none.json")).code == 2
    assert vapi("snapshot", str(tmp_path / "no" / "dir.json")).code == 1


def test_rows_are_known_by_keys_or_compared_as_sets() -> None:
    old = {"a": [{"x": 1, "y": 1}, {"x": 1, "y": 2}], "b": [{"name": "n", "v": {"w": 1}}]}
    new = {"a": [{"x": 1, "y": 1}, {"x": 1, "y": 3}], "b": [{"name": "n", "v": {"w": 2}}]}
    texts = [change.text() for change in compare(old, new)]
    assert texts == ["- a: x 1, y 2", "+ a: x 1, y 3", "~ b: n: v.w: 1 -> 2"]
    assert [c.text() for c in compare(old, new, ["v.w", "y"])] == []
    assert [c.text() for c in compare({}, {"c": [{"name": "z"}]})] == ["+ c: z"]
    twice = {"a": [{"x": 1}, {"x": 1}]}
    assert [c.kind for c in compare(twice, {"a": [{"x": 1}]})] == ["-"]


@pytest.mark.parametrize("names", [["10.0.0.0/8", "10.0.0.0/8"]])
def test_equal_prefixes_in_one_section_are_no_key(names: list[str]) -> None:
    old = {"r": [{"route": {"prefix": name}, "n": i} for i, name in enumerate(names)]}
    new = {"r": [{"route": {"prefix": name}, "n": i + 1} for i, name in enumerate(names)]}
    assert len(list(compare(old, new))) == 2
