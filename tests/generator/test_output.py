"""Writing: only what differs, all or nothing, and quickly when there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from generator import ApiError, emit, output
from generator.emit import EmitOptions
from generator.model import ApiFile, Model
from generator.output import Request, Result, generate

Write = Callable[[dict[str, str]], Path]

API = 'option version = "1.0.0";\nautoreply define m { u32 client_index; u32 context; };\n'


def request(root: Path, **changes: object) -> Request:
    values: dict[str, object] = {
        "paths": [root / "in"],
        "targets": {"json": root / "out"},
        **changes,
    }
    return Request(**values)  # type: ignore[arg-type]


@pytest.fixture
def root(write: Write) -> Path:
    return write({"in/a.api": API, "in/b.api": API.replace(" m ", " n ")})


def names(result: Result) -> list[str]:
    return [path.name for path in result.changed]


def test_only_what_differs_is_written(root: Path) -> None:
    assert names(generate(request(root, use_cache=False))) == ["a.api.json", "b.api.json"]
    before = (root / "out/a.api.json").stat().st_mtime_ns
    (root / "out/b.api.json").write_text("edited")
    result = generate(request(root, use_cache=False))
    assert names(result) == ["b.api.json"]
    assert (root / "out/a.api.json").stat().st_mtime_ns == before


def test_output_is_deterministic(root: Path) -> None:
    generate(request(root))
    first = {path.name: path.read_bytes() for path in (root / "out").iterdir()}
    generate(request(root, targets={"json": root / "again"}))
    assert {path.name: path.read_bytes() for path in (root / "again").iterdir()} == first
    assert str(root).encode() not in b"".join(first.values())


def test_check_writes_nothing(root: Path) -> None:
    assert names(generate(request(root, check=True))) == ["a.api.json", "b.api.json"]
    assert not (root / "out").exists()
    generate(request(root))
    assert generate(request(root, check=True)).changed == ()


def test_nothing_to_do_is_noticed(root: Path) -> None:
    assert not generate(request(root)).from_cache
    second = generate(request(root))
    assert second.from_cache
    assert len(second.unchanged) == 2
    assert generate(request(root, check=True)).from_cache


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "out/a.api.json").unlink(),
        lambda root: (root / "out/a.api.json").write_text("x" * 10),
        lambda root: (root / "in/a.api").write_text(API.replace("m", "q")),
        lambda root: (root / "in/c.api").write_text(API.replace(" m ", " o ")),
        lambda root: (root / "in/b.api").unlink(),
    ],
    ids=["output gone", "output edited", "input edited", "input added", "input gone"],
)
def test_changes_are_noticed(root: Path, change: object) -> None:
    generate(request(root))
    change(root)  # type: ignore[operator]
    assert not generate(request(root)).from_cache
    assert generate(request(root)).from_cache


def test_a_changed_import_is_noticed(write: Write) -> None:
    root = write(
        {
            "inc/t.api": "typedef t { u8 x; };",
            "in/a.api": 'import "t.api";\nautoreply define a { vl_api_t_t t; };',
        }
    )
    one = request(root, include_dirs=[root / "first", root / "inc"])
    generate(one)
    assert generate(one).from_cache
    (root / "inc/t.api").write_text("typedef t { u16 x; };")
    assert names(generate(one)) == ["a.api.json"]
    # A file that now comes first on the include path.
    (root / "first").mkdir()
    (root / "first/t.api").write_text("typedef t { u32 x; };")
    assert names(generate(one)) == ["a.api.json"]


def test_a_touched_but_equal_output_is_fine(root: Path) -> None:
    generate(request(root))
    path = root / "out/a.api.json"
    path.write_bytes(path.read_bytes())
    assert generate(request(root)).from_cache


def test_a_damaged_stamp_costs_only_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = root / "stamps"
    monkeypatch.setenv("VAPI_CFFI_CACHE", str(stamps))
    generate(request(root))
    for path in stamps.iterdir():
        path.write_text('{"command"')
    assert not generate(request(root)).from_cache
    monkeypatch.setenv("VAPI_CFFI_CACHE", "/proc/nowhere")
    assert not generate(request(root)).from_cache


def test_errors_leave_everything_as_it_was(root: Path) -> None:
    generate(request(root))
    before = {path.name: path.read_bytes() for path in (root / "out").iterdir()}
    (root / "in/a.api").write_text(API.replace("m", "q"))
    (root / "in/b.api").write_text("broken")
    with pytest.raises(ApiError):
        generate(request(root))
    assert {path.name: path.read_bytes() for path in (root / "out").iterdir()} == before


def test_a_failed_write_leaves_nothing_behind(root: Path) -> None:
    """The second file cannot be written: the first is not replaced, no temporary file stays."""
    (root / "out/b.api.json").mkdir(parents=True)
    (root / "out/b.api.json/x").write_text("")
    (root / "out/a.api.json").write_text("old")
    blocked = root / "blocked"
    blocked.write_text("a file where a directory is needed")
    texts = {root / "out/a.api.json": "new", blocked / "b": "new"}
    with pytest.raises(OSError, match="blocked"):
        output.write_all(texts)
    assert (root / "out/a.api.json").read_text() == "old"
    assert sorted(path.name for path in (root / "out").iterdir()) == ["a.api.json", "b.api.json"]


class _Fake:
    """An emitter from outside, as small as one can be."""

    name = "fake"
    version = "1"

    def __init__(self, path: str = "{}.txt") -> None:
        self.path = path

    def emit(self, file: ApiFile, model: Model, options: EmitOptions) -> Mapping[str, str]:
        return {self.path.format(file.module): f"{file.module} {options.extra.get('greet')}\n"}

    def finish(self, model: Model, options: EmitOptions) -> Mapping[str, str]:
        return {"all.txt": f"{len(model.files)}\n"}


class _Point:
    """An entry point that gives a class or an object."""

    value = "somewhere:Fake"

    def __init__(self, target: object) -> None:
        self.name = "fake"
        self._target = target

    def load(self) -> object:
        return self._target


@pytest.mark.parametrize("target", [_Fake, _Fake()])
def test_emitters_from_outside(root: Path, monkeypatch: pytest.MonkeyPatch, target: object) -> None:
    def entry_points(*, group: str, name: str | None = None) -> list[_Point]:
        assert group == "vapi_cffi.emitters"
        return [_Point(target)]

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    options = EmitOptions(extra={"greet": "hello"})
    generate(request(root, targets={"fake": root / "out"}, options=options))
    assert (root / "out/a.txt").read_text() == "a hello\n"
    assert (root / "out/all.txt").read_text() == "2\n"
    assert "fake" in emit.names()


@pytest.mark.parametrize("path", ["../{}.txt", "/tmp/{}.txt", "same.txt"])
def test_emitters_stay_in_their_place(
    root: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("generator.emit.get", lambda name: _Fake(path))
    with pytest.raises(ApiError, match=r"emitter fake"):
        generate(request(root, targets={"fake": root / "out"}))
    assert not (root / "out").exists()


def test_what_is_no_emitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [_Point(7)])
    with pytest.raises(TypeError, match="is not an emitter"):
        emit.get("fake")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [])
    with pytest.raises(emit.UnknownEmitterError, match="no emitter 'fake'; there are api, c, cpp"):
        emit.get("fake")


def test_progress(root: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    generate(request(root), lambda done, total, what: seen.append((done, total, what)))
    assert seen == [(1, 2, "json a.api"), (2, 2, "json b.api")]
