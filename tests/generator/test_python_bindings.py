"""Generated Python packages: they import, type-check, and are what the codec fills."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from vapi_cffi.generator.output import Request, generate

import vapi_cffi
from vapi_cffi import ApiMessage, ApiUnion, ApiValue, Incompatible, decode, encode
from vapi_cffi.sim import Peer

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "vpp-26.06"
OWN = ROOT / "vapi_cffi" / "api"

FEATURES = '''
option version = "1.0.0";
import "ip_types.api";

enum colour : u8 { COLOUR_RED = 0, COLOUR_BLUE = 4, };
enumflag trait : u32 { TRAIT_TALL = 1, TRAIT_LOUD = 2, };
typedef bytes { u8 bytes[4]; u8 int; };
union thing { vl_api_ip4_address_t ip4 [case=COLOUR_RED]; vl_api_bytes_t raw [case=COLOUR_BLUE]; };
typedef item { vl_api_colour_t what; vl_api_thing_t thing [discriminator=what]; };

/* Paints, with "quotes", a back\\slash and """three""". */
autoreply define paint {
  u32 client_index;
  u32 context;
  vl_api_trait_t traits [default=2];
  vl_api_address_t to;
  u8 self;
  u8 value;
  u8 count;
  vl_api_item_t items[count];
};
define shout { u32 client_index; u32 context; string text[]; };
service { rpc shout returns null; };
define shade_dump { u32 client_index; u32 context; };
define shade_details { u32 context; bool on; f64 depth; u64 many[3]; };
define bytes { u32 client_index; u32 context; };
define bytes_reply { u32 context; i32 retval; };
'''


def package(folder: Path, name: str, *inputs: Path) -> Path:
    generate(Request(paths=inputs, targets={"python": folder / name}, include_dirs=[OWN]))
    return folder / name


def load(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> ModuleType:
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def features_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bindings")
    (folder / "features.api").write_text(FEATURES, encoding="utf-8")
    package(folder, "featurebindings", folder / "features.api", OWN / "ip_types.api")
    return folder


@pytest.fixture
def features(features_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    yield load(monkeypatch, features_folder, "featurebindings")
    for name in [name for name in sys.modules if name.startswith("featurebindings")]:
        del sys.modules[name]


def test_classes(features: Any) -> None:
    module = features.features
    message = module.Paint(to="10.0.0.1", self_=3, items=[{"thing": {"ip4": "1.2.3.4"}}])
    assert message == module.Paint(to=IPv4Address("10.0.0.1"), self_=3, items=message.items)
    assert message.count == 1
    assert message.traits is module.Trait.TRAIT_LOUD
    assert isinstance(message.items[0], module.Item)
    assert isinstance(message.items[0].thing, module.Thing)
    assert message.items[0].thing.ip4 == IPv4Address("1.2.3.4")
    assert decode(module.Paint, encode(message, 7)) == message
    match message:
        case module.Paint(traits=traits, self_=3):
            assert traits == 2
        case _:
            pytest.fail("the pattern did not match")
    with pytest.raises(vapi_cffi.InvalidArgument, match=r"paint\.items\[0\]\.what: expected"):
        module.Paint(items=[{"what": "green"}])
    with pytest.raises(AttributeError):
        message.unknown = 1


def test_comments_become_docstrings(features: Any) -> None:
    doc = features.features.Paint.__doc__
    assert doc.startswith('Paints, with "quotes", a back\\slash')


def test_a_type_with_the_name_of_a_message(features: Any) -> None:
    module = features.features
    assert issubclass(module.Bytes, ApiMessage)
    assert not issubclass(module.Bytes_, ApiMessage)
    union = module.Thing(raw={"bytes": b"abcd", "int": 1})
    assert isinstance(union.raw, module.Bytes_)


def test_modules_are_imported_when_used(features: Any) -> None:
    assert "featurebindings.features" not in sys.modules
    assert "features" in dir(features)
    assert features.features.Paint is not None
    assert "featurebindings.features" in sys.modules
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = features.nothing


def test_another_form_is_refused(features_folder: Path, features: Any) -> None:
    file = features_folder / "featurebindings" / "_index.json"
    good = file.read_text("utf-8")
    try:
        file.write_text(good.replace('"format":1', '"format":999'), "utf-8")
        with pytest.raises(Incompatible, match="form 999, this is 1: generate it anew"):
            features.features.Paint()
    finally:
        file.write_text(good, "utf-8")


def test_a_client_uses_the_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "ownbindings", OWN)
    own: Any = load(monkeypatch, tmp_path, "ownbindings")
    with Peer() as peer, vapi_cffi.connect(peer.address(), definitions=own.DEFINITIONS) as client:
        api = own.typed(client)
        reply = api.create_loopback()
        assert type(reply).__name__ == "CreateLoopbackReply"
        assert isinstance(reply, own.interface.CreateLoopbackReply)
        found = api.sw_interface_dump(own.interface.SwInterfaceDump()).all()
        assert all(isinstance(item, own.interface.SwInterfaceDetails) for item in found)
        with client.events("sw_interface_event") as events:
            api.sw_interface_set_flags(sw_if_index=reply.sw_if_index, flags="admin_up")
            assert isinstance(events.get(timeout=5), own.interface.SwInterfaceEvent)


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_ruff_finds_nothing(features_folder: Path) -> None:
    pytest.importorskip("ruff", reason="ruff is in the extra `lint`")
    options = ("--isolated", "--line-length", "100")
    for command in (("check", "--select", "E,F,W,I,UP,B,RUF"), ("format", "--check")):
        done = run("ruff", *command, *options, "featurebindings", cwd=features_folder)
        assert done.returncode == 0, done.stdout + done.stderr


PROGRAM = """
from featurebindings import typed
from featurebindings.features import Colour, Paint, ShadeDetails
from vapi_cffi import Client


def use(client: Client) -> list[float]:
    api = typed(client)
    reply = api.paint(Paint(self_=1, traits="tall"))
    number: int = reply.retval
    api.paint(to="::1", items=[{"what": Colour.COLOUR_RED}])
    api.shout(text=f"{number}")
    details: ShadeDetails | None = api.shade_dump().first()
    assert details is not None
    return [item.depth for item in api.shade_dump()]
"""


def test_mypy_strict_finds_nothing(features_folder: Path) -> None:
    """Neither in the package, nor in a program that uses it; but it does find a mistake."""
    pytest.importorskip("mypy", reason="mypy is in the extra `lint`")
    (features_folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    wrong = PROGRAM.replace("number: int", "number: str").replace("self_=1", "from_='x'")
    (features_folder / "wrong.py").write_text(wrong, encoding="utf-8")
    # The code of vapi_cffi itself is another test's.
    options = ("--strict", "--follow-imports=silent", "--no-incremental")
    done = run("mypy", *options, "-p", "featurebindings", "-m", "program", cwd=features_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run("mypy", *options, "-m", "wrong", cwd=features_folder)
    lines = re.findall(r"^wrong\.py:\d+: error: (.*)$", done.stdout, re.MULTILINE)
    assert len(lines) == 2, done.stdout + done.stderr


def test_all_of_vpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not SHARED.exists():
        pytest.skip(f"no API files of VPP in {SHARED}")
    package(tmp_path, "allbindings", SHARED)
    bindings: Any = load(monkeypatch, tmp_path, "allbindings")
    messages = 0
    for name in bindings._MODULES:
        module = getattr(bindings, name)
        for item in vars(module).values():
            if not isinstance(item, type) or item.__module__ != module.__name__:
                continue
            if issubclass(item, ApiValue):
                block = item.__api__
                value = item()
                assert block.cls is item
                assert item.__slots__ == block.slots
                if issubclass(item, ApiMessage):
                    assert decode(item, encode(value, 1)) == value
                    messages += 1
            elif issubclass(item, ApiUnion):
                assert item.__kind__.cls is item
    assert messages == 2123


def test_importing_all_of_vpp_is_quick(tmp_path: Path) -> None:
    """The package itself loads none of its modules; median of five fresh processes."""
    if not SHARED.exists():
        pytest.skip(f"no API files of VPP in {SHARED}")
    package(tmp_path, "allbindings", SHARED)
    code = (
        "import sys, time, vapi_cffi\nbegan = time.process_time()\nimport allbindings\n"
        "print(time.process_time() - began)\n"
        "assert not [name for name in sys.modules if name.startswith('allbindings.interface')]"
    )
    times = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        times.append(float(done.stdout))
    assert sorted(times)[2] < 0.06
