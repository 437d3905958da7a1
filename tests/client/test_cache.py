"""The cache of definitions: found again, never trusted, never needed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vapi_cffi import _cache, _registry, connect
from vapi_cffi._cache import CachedDefinitions
from vapi_cffi._catalog import Scope
from vapi_cffi._definitions import ParsedDefinitions, files_of, read_files
from vapi_cffi.sim import Peer

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "vpp-26.06"


@pytest.fixture(autouse=True)
def _no_shared_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test left in this process does not count."""
    monkeypatch.setattr(_registry, "_scopes", {})


def wait_for_writers() -> None:
    for thread in threading.enumerate():
        if thread.name == "vapi-cache":
            thread.join()


def only_file(folder: Path) -> Path:
    wait_for_writers()
    (file,) = folder.iterdir()
    return file


def ask(peer: Peer) -> tuple[str, type]:
    """A fresh client's first answer, and where it has its definitions from."""
    _registry._scopes.clear()
    with connect(peer.address()) as client:
        version = client.api.show_version().version
        scope = next(client.sources.each(client.connection))
        assert dir(client.api)
        return version, type(scope.set)


def test_the_second_start_reads_the_cache(peer: Peer, cache: Path) -> None:
    version, kind = ask(peer)
    assert kind is ParsedDefinitions
    file = only_file(cache)
    assert ask(peer) == (version, CachedDefinitions)
    assert only_file(cache) == file


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "noise"])
def test_a_damaged_file_is_made_anew(peer: Peer, cache: Path, damage: str) -> None:
    version, _ = ask(peer)
    file = only_file(cache)
    good = file.read_bytes()
    middle = len(good) // 2
    file.write_bytes(
        {
            "empty": b"",
            "cut": good[:middle],
            "flipped": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
            "noise": b"\xff" * 1000,
        }[damage]
    )
    assert ask(peer) == (version, ParsedDefinitions)
    assert only_file(cache).read_bytes() == good
    assert ask(peer) == (version, CachedDefinitions)


def test_without_a_cache(peer: Peer, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAPI_CACHE_DIR", "")
    assert ask(peer)[1] is ParsedDefinitions
    wait_for_writers()
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VAPI_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert ask(peer)[1] is ParsedDefinitions
    wait_for_writers()


def test_old_files_go(cache: Path) -> None:
    for number in range(_cache._KEEP + 5):
        _cache._write(cache / f"definitions-1-{number}.json", ParsedDefinitions([]))
    assert len(list(cache.iterdir())) == _cache._KEEP


def test_cached_definitions_are_the_parsed_ones() -> None:
    if not SHARED.exists():
        pytest.skip(f"no API files of VPP in {SHARED}")
    parsed = read_files(list(files_of([SHARED])))
    cached = CachedDefinitions(_cache.pack(parsed))
    assert list(cached.names()) == list(parsed.names())
    assert sorted(cached.callers()) == sorted(parsed.callers())
    assert cached.subscriptions() == parsed.subscriptions()
    for name in parsed.names():
        assert cached.message(name) == parsed.message(name)
        assert cached.crc(name) == parsed.crc(name)
        assert cached.service(name) == parsed.service(name)
    for name in parsed.types:
        assert cached.type_of(name) == parsed.type_of(name)
    assert (
        cached.message("nothing") is cached.type_of("nothing") is cached.service("nothing") is None
    )
    assert (
        Scope(cached).codec("ip_route_add_del").size == Scope(parsed).codec("ip_route_add_del").size
    )
