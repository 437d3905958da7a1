"""Generated Python packages: they import, type-check, and are what the codec fills."""

from __future__ import annotations

import asyncio
import copy
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
from vapi_cffi.generator import ApiError
from vapi_cffi.generator.output import Request, generate

import vapi_cffi
from vapi_cffi import (
    ApiMessage,
    ApiUnion,
    ApiValue,
    Connection,
    Incompatible,
    aio,
    callback,
    decode,
    encode,
    objects,
)
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
define bytes { u32 client_index; u32 context; u8 l; };
define bytes_reply { u32 context; i32 retval; };

/* Names that Python, or what is generated, has for itself. */
enum odd_case : u8 { mro = 1, _any_ = 2, };
union odd { u32 which [case=mro]; vl_api_bytes_t __y [case=_any_]; };
union odder { u8 with[3]; u32 property; u8 bytes[2]; u8 l; };
typedef i { vl_api_odd_case_t kind; vl_api_odd_t odd [discriminator=kind]; };
typedef any { u8 __len; u8 __init__; vl_api_i_t of[2]; };
autoreply define class { u32 client_index; u32 context; vl_api_any_t any; u8 _timeout; };
define mapping_dump { u32 client_index; u32 context; };
define mapping_details { u32 context; vl_api_odder_t odder; vl_api_any_t mapping; };
define sequence { u32 client_index; u32 context; };
define sequence_reply { u32 context; i32 retval; u8 n; vl_api_any_t any[n]; };
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


def test_names_that_python_has(features: Any, features_folder: Path) -> None:
    module = features.features
    value = module.Any_(_len_=1, _init___=2, of=[{"odd": {"which_": 7}}, {"odd": {"_y_": {}}}])
    assert [item.kind for item in value.of] == [1, 2]
    assert (value.of[0].odd.which, value.of[0].odd.which_, value._len_) == ("which_", 7, 1)
    details = module.MappingDetails(odder={"with_": b"abc"}, mapping=value)
    back = decode(module.MappingDetails, encode(details, 7))
    assert (back.odder.with_, back.mapping) == (b"abc", value)
    assert module.Sequence_() is not None
    with Peer(api=[features_folder / "features.api"], include=[OWN]) as peer:
        for given in (features.DEFINITIONS, None):
            with vapi_cffi.connect(peer.address(), definitions=given) as client:
                reply = client.api.class_(any=value, _timeout_=3)
                assert reply.retval == 0
                assert client.api["class"](any=value).retval == 0
                answers: list[Any] = []
                callback.class_(client, {"any": value}, heard, answers)
                assert answers == [0]
                assert objects.class_(client, {"_timeout_": 4}).execute() is not None


def heard(conn: Any, answers: list[Any], error: Any, is_last: bool, reply: Any) -> None:
    answers.append(reply.retval)


def test_classes_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "two.api").write_text('option version = "1.0.0"; typedef a_1 { u8 x; };')
    package(tmp_path, "two", tmp_path / "two.api")
    with (tmp_path / "two.api").open("a") as file:
        file.write("typedef a1 { u8 y; };")
    with pytest.raises(ApiError, match="'a1' and 'a_1' would both be class A1 in Python"):
        package(tmp_path, "two", tmp_path / "two.api")


def test_another_form_is_refused(features_folder: Path, features: Any) -> None:
    file = features_folder / "featurebindings" / "_index.json"
    good = file.read_text("utf-8")
    try:
        file.write_text(good.replace('"format":2', '"format":999'), "utf-8")
        with pytest.raises(Incompatible, match="form 999, this is 2: generate it anew"):
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


def test_every_level_has_the_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callbacks, objects and asyncio, each by the package's own functions."""
    package(tmp_path, "levelbindings", OWN)
    own: Any = load(monkeypatch, tmp_path, "levelbindings")
    assert {"callback", "objects"} <= set(dir(own))
    interface = own.interface
    seen: list[Any] = []

    def told(conn: Any, context: Any, error: Any, is_last: bool, reply: Any) -> None:
        seen.append((context, error, is_last, copy.copy(reply)))

    with Peer() as peer, Connection(peer.address()) as connection:
        peer.record()
        own.callback.create_loopback(connection, None, told)
        assert isinstance(seen[-1][3], interface.CreateLoopbackReply)
        own.callback.sw_interface_set_flags(
            connection, interface.SwInterfaceSetFlags(sw_if_index=1, flags="admin_up"), told, 7
        )
        assert seen[-1] == (7, None, True, interface.SwInterfaceSetFlagsReply())
        with own.objects.sw_interface_dump(connection, {"sw_if_index": 1}) as dump:
            dump.execute().wait_for_response()
            assert isinstance(dump.result_set[0], interface.SwInterfaceDetails)
        with objects.Request(connection, interface.CreateLoopback) as request:
            request.execute().wait_for_response()
            assert isinstance(request.response, interface.CreateLoopbackReply)
        own.callback.want_interface_events(connection, {"enable_disable": 1}, told)
        own.callback.set_sw_interface_event_event_cb(
            connection, lambda conn, context, event: seen.append(copy.copy(event))
        )
        peer.event("sw_interface_event", sw_if_index=4)
        callback.dispatch_one(connection)
        assert seen[-1] == interface.SwInterfaceEvent(sw_if_index=4)
        assert isinstance(seen[-1], interface.SwInterfaceEvent)
        # Nobody had to ask the server for its definitions.
        assert "get_api_json" not in {item.name for item in peer.recorded()}

        async def program() -> None:
            async with aio.connect(peer.address(), definitions=own.DEFINITIONS) as client:
                api = own.typed_async(client)
                reply = await api.create_loopback()
                assert isinstance(reply, interface.CreateLoopbackReply)
                found = await api.sw_interface_dump().all()
                assert all(isinstance(item, interface.SwInterfaceDetails) for item in found)

        asyncio.run(program())


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
    package(features_folder, "ofonefile", OWN / "ip_types.api")
    for command in (("check", "--select", "E,F,W,I,UP,B,RUF"), ("check",), ("format", "--check")):
        done = run("ruff", *command, *options, "featurebindings", "ofonefile", cwd=features_folder)
        assert done.returncode == 0, done.stdout + done.stderr


PROGRAM = """
from asyncio import gather
from typing import Any

from featurebindings import callback, objects, typed, typed_async
from featurebindings.features import Colour, Paint, PaintReply, ShadeDetails
from vapi_cffi import Client, Connection, VapiError, aio


def use(client: Client) -> list[float]:
    api = typed(client)
    reply = api.paint(Paint(self_=1, traits="tall"))
    number: int = reply.retval
    api.paint(to="::1", items=[{"what": Colour.COLOUR_RED}])
    api.shout(text=f"{number}")
    details: ShadeDetails | None = api.shade_dump().first()
    assert details is not None
    return [item.depth for item in api.shade_dump()]


def painted(
    conn: Connection, context: Any, error: VapiError | None, last: bool, reply: PaintReply | None
) -> None:
    if reply is not None:
        print(reply.retval)


def levels(conn: Connection, client: Client) -> float:
    callback.paint(conn, Paint(self_=1), painted, 7)
    callback.paint(client, {"self_": 1}, painted)
    callback.shout(conn, {"text": "hey"})
    with objects.shade_dump(conn) as dump:
        depths = [item.depth for item in dump.execute().result_set]
    with objects.paint(client, Paint(self_=1)) as request:
        value: int = request.execute().response.retval
    return sum(depths) + value


async def later(client: aio.Client) -> list[float]:
    api = typed_async(client)
    one, two = await gather(api.paint(self_=1), api.paint())
    print(one.retval + two.retval)
    await api.shout(text="hey")
    return [item.depth async for item in api.shade_dump()]
"""

MISTAKES = {
    "number: int": "number: str",
    "Paint(self_=1, traits": "Paint(from_='x', traits",
    "reply: PaintReply | None": "reply: ShadeDetails | None",
    "value: int": "value: str",
    "one.retval + two": "one.depth + two",
}


def test_mypy_strict_finds_nothing(features_folder: Path) -> None:
    """Neither in the package, nor in a program that uses it; but it does find a mistake."""
    pytest.importorskip("mypy", reason="mypy is in the extra `lint`")
    (features_folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    wrong = PROGRAM
    for right, mistake in MISTAKES.items():
        assert right in wrong
        wrong = wrong.replace(right, mistake)
    (features_folder / "wrong.py").write_text(wrong, encoding="utf-8")
    # The code of vapi_cffi itself is another test's.
    options = ("--strict", "--follow-imports=silent", "--no-incremental")
    done = run("mypy", *options, "-p", "featurebindings", "-m", "program", cwd=features_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run("mypy", *options, "-m", "wrong", cwd=features_folder)
    lines = re.findall(r"^wrong\.py:\d+: error: (.*)$", done.stdout, re.MULTILINE)
    # The wrong callback is found inside, and in each of the two places that take it; the string
    # that is no number in both ways that it may be added.
    assert len(lines) == len(MISTAKES) + 4, done.stdout + done.stderr


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


@pytest.mark.long
def test_all_of_vpp_is_clean(tmp_path: Path) -> None:
    """All 152 files under mypy strict and ruff."""
    if not SHARED.exists():
        pytest.skip(f"no API files of VPP in {SHARED}")
    pytest.importorskip("mypy", reason="mypy is in the extra `lint`")
    pytest.importorskip("ruff", reason="ruff is in the extra `lint`")
    package(tmp_path, "allbindings", SHARED)
    done = run(
        *("mypy", "--strict", "--follow-imports=silent", "--no-incremental", "-p", "allbindings"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    options = ("--isolated", "--line-length", "100")
    for command in (("check", "--select", "E,F,W,I,UP,B,RUF"), ("format", "--check")):
        done = run("ruff", *command, *options, "allbindings", cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_importing_all_of_vpp_is_quick(tmp_path: Path) -> None:
    """The package itself loads none of its modules, and not more of ours than it needs; median of
    five fresh processes, once everything is compiled."""
    if not SHARED.exists():
        pytest.skip(f"no API files of VPP in {SHARED}")
    package(tmp_path, "allbindings", SHARED)
    code = (
        "import sys, time\nbegan = time.process_time()\nimport allbindings\n"
        "print(time.process_time() - began)\n"
        "assert not [name for name in sys.modules if name.startswith('allbindings.interface')]"
    )
    env = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path / "cache")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    times = []
    for _ in range(6):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        times.append(float(done.stdout))
    assert sorted(times[1:])[2] < 0.06
