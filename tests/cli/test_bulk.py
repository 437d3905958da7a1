"""`vapi bulk`: rows of a file become requests."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from vapi_cffi import InvalidArgument
from vapi_cffi.cli import bulk as bulk_module
from vapi_cffi.cli._table import Source, chunks

from .conftest import Vapi  # type: ignore[import-not-found]

HEAD = "route.prefix,route.paths[0].sw_if_index,route.paths[0].nh.address.ip4"
ADD = ("bulk", "ip_route_add_del_v2", "is_add=true", "--columns")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def routes(name: str, second: int, count: int, index: int) -> str:
    """A file of routes to 10.SECOND.x.0/24."""
    rows = [f"10.{second}.{number}.0/24,{index},10.0.0.2" for number in range(count)]
    Path(name).write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    return name


def there(vapi: Vapi, second: int) -> list[str]:
    """The routes of such a file that the peer has."""
    where = f"route.prefix in '10.{second}.0.0/16'"
    out = vapi.ok("dump", "ip_route_v2_dump", "-w", where, "--json", "-c", "route.prefix")
    return [row["route.prefix"] for row in json.loads(out)]


def test_a_request_a_row(vapi: Vapi) -> None:
    name = routes("routes.csv", 20, 50, vapi.loopback())
    out = vapi.ok(*ADD, name)
    assert out.startswith("50 answered; 0 failed; ")
    assert len(there(vapi, 20)) == 50
    assert not Path("routes.failed.csv").exists()


def test_a_file_of_a_spreadsheet(vapi: Vapi) -> None:
    """With a byte order mark, and the ends of lines of another system."""
    name = routes("routes.csv", 37, 2, vapi.loopback())
    text = Path(name).read_text(encoding="utf-8").replace("\n", "\r\n")
    Path(name).write_bytes(text.encode("utf-8-sig"))
    vapi.ok(*ADD, name)
    assert len(there(vapi, 37)) == 2
    piped = "\ufeffsw_if_index,flags\r\n0,0\r\n"
    out = vapi.ok("bulk", "sw_interface_set_flags", "-c", "-", stdin=piped)
    assert out.startswith("1 answered")


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("x.csv", "sw_if_index,flags\n0\n0,0\neth0,0\n0,0,0\n", [2, 4, 5]),
        ("x.jsonl", '{"sw_if_index": 0}\n{"flags": \n[1]\n{"flags": "upp"}\n', [2, 3, 4]),
        ("x.json", '[{"sw_if_index": 0}, 7]', [2]),
    ],
)
def test_a_dry_run_names_all_lines_that_are_wrong(
    vapi: Vapi, name: str, text: str, wrong: list[int]
) -> None:
    Path(name).write_text(text, encoding="utf-8")
    done = vapi("bulk", "sw_interface_set_flags", "-c", name, "--dry-run")
    assert done.code == 1
    assert [line.split(":")[0] for line in done.err.splitlines()] == [
        f"{name} line {number}" for number in wrong
    ]
    assert done.out.startswith(f"{len(wrong) + 1} rows, {len(wrong)} of them wrong;")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "-"])
def test_json_rows(vapi: Vapi, name: str) -> None:
    index = vapi.loopback()
    second = 21 + ["rows.jsonl", "rows.json", "-"].index(name)
    rows = [
        {
            "route": {
                "prefix": f"10.{second}.{number}.0/24",
                "paths": [{"sw_if_index": index, "nh": {"address": {"ip4": "10.0.0.2"}}}],
            }
        }
        for number in range(3)
    ]
    text = json.dumps(rows) if name == "rows.json" else "\n".join(map(json.dumps, rows))
    if name != "-":
        Path(name).write_text(text)
    facts = json.loads(vapi.ok(*ADD, name, "--json", stdin=text))
    assert facts["answered"] == 3
    assert facts["failures"] is None
    assert there(vapi, second) == [row["route"]["prefix"] for row in rows]


def test_what_all_rows_share(vapi: Vapi) -> None:
    index = vapi.loopback()
    Path("prefixes.csv").write_text("route.prefix\n10.25.1.0/24\n10.25.2.0/24\n")
    template = {"is_add": True, "route": {"paths": [{"sw_if_index": index}]}}
    Path("route.json").write_text(json.dumps(template))
    out = vapi.ok(
        *("bulk", "ip_route_add_del_v2", "--template", "@route.json"),
        *("--columns", "prefixes.csv", "route.paths[0].weight=2"),
    )
    assert out.startswith("2 answered")
    assert there(vapi, 25) == ["10.25.1.0/24", "10.25.2.0/24"]


def test_failures_go_to_a_file_that_can_be_given_again(vapi: Vapi) -> None:
    index = vapi.loopback()
    Path("flags.csv").write_text(
        f"sw_if_index,flags\n{index},admin_up\n9999,0\n{index},0\n8888,1\n"
    )
    done = vapi("bulk", "sw_interface_set_flags", "--columns", "flags.csv")
    assert done.code == 1
    assert "4 answered; 2 failed, see flags.failed.csv" in done.out
    rows = list(csv.DictReader(Path("flags.failed.csv").read_text().splitlines()))
    assert [row["sw_if_index"] for row in rows] == ["9999", "8888"]
    assert [row["#line"] for row in rows] == ["3", "5"]
    assert [row["#retval"] for row in rows] == ["-2", "-2"]
    assert rows[0]["#error"] == "INVALID_SW_IF_INDEX"
    text = Path("flags.failed.csv").read_text().replace("9999", str(index))
    Path("again.csv").write_text(text.replace("8888", str(index)))
    assert vapi.ok("bulk", "sw_interface_set_flags", "-c", "again.csv").startswith("2 answered")
    done = vapi("bulk", "sw_interface_set_flags", "-c", "flags.csv", "--stop-on-error", "--json")
    assert done.code == 1
    assert json.loads(done.out)["failed"] >= 1


def test_a_dry_run_names_every_wrong_line(vapi: Vapi) -> None:
    Path("bad.csv").write_text(f"{HEAD}\n10.30.0.0/24,1,10.0.0.2\n10.30.0.x/24,1,10.0.0.2\n1,x,2\n")
    done = vapi(*ADD, "bad.csv", "--dry-run")
    assert done.code == 1
    assert done.out == "3 rows, 2 of them wrong; nothing was sent\n"
    first, second = done.err.splitlines()
    assert first.startswith("bad.csv line 3: ip_route_add_del_v2.route.prefix: expected")
    assert second.startswith("bad.csv line 4: ")
    assert there(vapi, 30) == []
    done = vapi(*ADD, "bad.csv")
    assert done.code == 2
    assert "bad.csv line" in done.err
    assert there(vapi, 30) == [], "nothing of a chunk with a wrong row is sent"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("route.prefx\n1\n", "route has no field 'prefx': did you mean 'prefix'"),
        ("", "is empty"),
        ("a,a\n1,2\n", "the column 'a' is there twice"),
        (f"{HEAD}\n1,2\n", "line 2: 2 values for 3 columns"),
        ('route.prefix\n"1\n', "line"),
        ("{oops}\n", "line 1"),
        ("[1]", "expected an object"),
    ],
)
def test_files_that_are_wrong(vapi: Vapi, text: str, words: str) -> None:
    Path("wrong").write_text(text)
    done = vapi(*ADD, "wrong")
    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") == 1


def test_other_mistakes(vapi: Vapi) -> None:
    name = routes("routes.csv", 31, 1, 1)
    assert "no such file" in vapi(*ADD, "none.csv").error
    assert "use `vapi dump" in vapi("bulk", "ip_route_v2_dump", "-c", name).error
    assert (
        "has no field 'is_ad'" in vapi("bulk", "ip_route_add_del_v2", "is_ad=1", "-c", name).error
    )


def test_an_interrupted_run_goes_on_where_it_ended(
    vapi: Vapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_module, "CHUNK", 10)
    name = routes("routes.csv", 40, 35, vapi.loopback())
    whole = bulk_module.Run._part
    calls = 0

    def interrupted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk_module.Run, "_part", interrupted)
    done = vapi(*ADD, name, "--resume", "state")
    assert done.code == 130
    assert len(there(vapi, 40)) == 20
    assert json.loads(Path("state").read_text())["done"] == 20
    monkeypatch.setattr(bulk_module.Run, "_part", whole)
    out = vapi.ok(*ADD, name, "--resume", "state")
    assert out.startswith("20 were done before; 15 answered; 0 failed")
    assert len(there(vapi, 40)) == 35
    assert vapi.ok(*ADD, name, "--resume", "state").startswith("35 were done before; 0 answered")
    done = vapi("bulk", "ip_route_add_del_v2", "is_add=false", "-c", name, "--resume", "state")
    assert done.code == 2
    assert "belongs to another run: its shared" in done.err
    Path("state").write_text("{}")
    assert "is no state" in vapi(*ADD, name, "--resume", "state").err


def test_rows_with_other_columns_are_chunks_of_their_own() -> None:
    Path("mixed.jsonl").write_text('{"a": 1}\n{"a": 2}\n\n{"a": 3, "b": {"c": [1]}}\n')
    parts = [[line.row for line in part] for part in chunks(Source("mixed.jsonl"), 100)]
    assert parts == [[{"a": 1}, {"a": 2}], [{"a": 3, "b.c": [1]}]]
    assert Source("mixed.jsonl").count() is None
    Path("x.csv").write_bytes(b"a\n\xff\n")
    assert Source("x.csv").count() == 1
    with pytest.raises(InvalidArgument, match="is no text"):
        list(Source("x.csv"))
