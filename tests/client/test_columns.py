"""Details as columns, with NumPy and without."""

from __future__ import annotations

import builtins
import gc
import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

import pytest

from vapi_cffi import BadMessage, Client, InvalidArgument, Nested, NotConnected, Transport, connect
from vapi_cffi import _columns as columns_module
from vapi_cffi.sim import Peer, Request

API = """
option version = "1.0.0";
enum color : u8 { COLOR_RED = 0, COLOR_GREEN = 1, };
typedef u8 mac_address[6];
typedef point { i32 x; i16 y; };
define thing_dump { u32 client_index; u32 context; u8 kind; };
define thing_details {
  u32 context; u32 number; i16 small; bool on; f64 weight; vl_api_color_t color;
  string label[8]; vl_api_mac_address_t mac; u16 row[3]; vl_api_point_t pair[2];
  u8 n; vl_api_point_t points[n];
};
define text_dump { u32 client_index; u32 context; };
define text_details { u32 context; u32 number; string text[]; };
define blob_dump { u32 client_index; u32 context; };
define blob_details { u32 context; u16 size; u8 data[size]; };
define number_dump { u32 client_index; u32 context; };
define number_details { u32 context; u16 count; u32 numbers[count]; };
define part_get { u32 client_index; u32 context; u32 cursor; };
define part_get_reply { u32 context; i32 retval; u32 cursor; };
define part_details { u32 context; u32 number; };
service { rpc part_get returns part_get_reply stream part_details; };
"""
COUNT = 50


@pytest.fixture(params=[True, False], ids=["numpy", "plain"])
def has_numpy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With NumPy, and as if it were not there."""
    if request.param:
        pytest.importorskip("numpy")
    else:
        real = builtins.__import__

        def without(name: str, *rest: Any) -> Any:
            if name.partition(".")[0] == "numpy":
                raise ImportError(name)
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", without)
    return bool(request.param)


@pytest.fixture
def things(tmp_path: Path, transport: Transport) -> Iterator[tuple[Peer, Client]]:
    """A peer with the messages above, and a client of it."""
    path = tmp_path / "thing.api"
    path.write_text(API)
    with (
        Peer(api=[path]) as peer,
        connect(peer.address(transport), transport=transport, timeout=5.0) as client,
    ):
        yield peer, client


def thing(client: Client, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "small": -number,
        "on": bool(number % 2),
        "weight": number / 4,
        "color": number % 2,
        "label": f"l{number}",
        "mac": f"02:00:00:00:00:{number:02x}",
        "row": [number, 1, 2],
        "pair": [{"x": number, "y": -1}, {"x": 5, "y": number}],
        "points": [{"x": k, "y": -k} for k in range(number % 4)],
    }


def serve(peer: Peer, client: Client, name: str, values: list[dict[str, Any]]) -> None:
    """Answers a dump with details that the codec makes."""
    codec = client.message_codec(f"{name}_details")

    @peer.on(f"{name}_dump")
    def answer(request: Request) -> list[bytes]:
        number = request.ids(f"{name}_details")
        context = int.from_bytes(request.context, "big")
        return [codec.encode(number, value, context=context) for value in values]


def listed(column: Any) -> list[Any]:
    return list(column.tolist())


def test_every_kind_of_column(things: tuple[Peer, Client], has_numpy: bool) -> None:
    peer, client = things
    values = [thing(client, number) for number in range(COUNT)]
    serve(peer, client, "thing", values)
    columns = client.api.thing_dump().columns()
    assert columns.rows == COUNT
    assert list(columns) == [
        "number", "small", "on", "weight", "color", "label", "mac", "row", "pair.x", "pair.y", "n",
        "points",
    ]  # fmt: skip
    assert listed(columns["number"]) == list(range(COUNT))
    assert listed(columns["small"]) == [-n for n in range(COUNT)]
    assert listed(columns["on"]) == [bool(n % 2) for n in range(COUNT)]
    assert listed(columns["weight"]) == [n / 4 for n in range(COUNT)]
    assert listed(columns["row"]) == [[n, 1, 2] for n in range(COUNT)]
    assert listed(columns["pair.x"]) == [[n, 5] for n in range(COUNT)]
    assert listed(columns["pair.y"]) == [[-1, n] for n in range(COUNT)]
    assert listed(columns["n"]) == [n % 4 for n in range(COUNT)]
    assert columns["mac"].shape == (COUNT, 6)
    assert bytes(columns["mac"])[-6:] == bytes.fromhex("020000000031")
    assert columns.texts("mac") == [value["mac"] for value in values]
    assert columns.texts("label") == [value["label"] for value in values]
    assert columns.texts("color") == ["COLOR_RED", "COLOR_GREEN"] * (COUNT // 2)
    points = columns["points"]
    assert isinstance(points, Nested)
    assert len(points) == COUNT
    offsets = listed(points.offsets)
    assert [b - a for a, b in itertools.pairwise(offsets)] == listed(columns["n"])
    flat = [point for value in values for point in value["points"]]
    assert listed(points.values["x"]) == [point["x"] for point in flat]
    assert listed(points.values["y"]) == [point["y"] for point in flat]
    objects = client.api.thing_dump().all()
    assert columns.objects("points") == [item.points for item in objects]
    assert columns.objects("pair") == [item.pair for item in objects]
    with pytest.raises(KeyError, match="no column 'size': there are number"):
        columns["size"]


def test_ends_of_text_bytes_and_numbers(things: tuple[Peer, Client], has_numpy: bool) -> None:
    peer, client = things
    texts = ["", "a", "héllo", "x" * 3000]
    serve(peer, client, "text", [{"number": n, "text": text} for n, text in enumerate(texts)])
    columns = client.api.text_dump().columns()
    assert columns.texts("text") == texts
    assert listed(columns["text"].offsets) == [0, 0, 1, 7, 3007]
    assert bytes(columns["text"].values) == "".join(texts).encode()
    blobs = [b"", b"\1\2", b"\3"]
    serve(peer, client, "blob", [{"data": blob} for blob in blobs])
    assert client.api.blob_dump().columns().objects("data") == blobs
    numbers = [[1, 2], [], [3]]
    serve(peer, client, "number", [{"numbers": some} for some in numbers])
    found = client.api.number_dump().columns()["numbers"]
    assert listed(found.values) == [1, 2, 3]
    assert found.objects() == numbers


def test_only_some_fields(client: Client, has_numpy: bool) -> None:
    for _ in range(3):
        client.api.create_loopback()
    columns = client.api.sw_interface_dump().columns(["sw_if_index", "l2_address"])
    assert list(columns) == ["sw_if_index", "l2_address"]
    assert listed(columns["sw_if_index"]) == [0, 1, 2, 3]
    assert columns.texts("interface_name")[1:] == ["loop0", "loop1", "loop2"]
    for wrong in (["sw_if_indx"], ["mtu.x"], "flags_"):
        with pytest.raises(InvalidArgument, match="sw_interface_details has no column"):
            client.api.sw_interface_dump().columns(wrong)
    assert client.api.sw_interface_dump(sw_if_index=999).columns().rows == 0


def routes(client: Client, networks: list[str]) -> None:
    loop = client.api.create_loopback().sw_if_index
    client.bulk(
        "ip_route_add_del",
        {"is_add": True, "route": {"paths": [{"sw_if_index": loop, "weight": 1}]}},
        {"route.prefix": networks},
    ).raise_for_errors()


def test_columns_come_in_the_order_that_was_asked_for(client: Client) -> None:
    dump = client.api.sw_interface_dump
    names = ["interface_name", "mtu", "sw_if_index"]
    assert list(dump().columns(names)) == names
    assert list(dump().to_numpy(names)) == names
    assert list(client.api.ip_route_v2_dump().columns(["route.paths", "route.prefix"])) == [
        "route.paths",
        "route.prefix.af",
        "route.prefix.address",
        "route.prefix.len",
    ]


def test_routes_and_back(client: Client, has_numpy: bool) -> None:
    """What a dump gives is what bulk takes."""
    networks = [f"10.{n}.0.0/16" for n in range(40)]
    routes(client, networks)
    columns = client.api.ip_route_v2_dump().columns(["route.prefix", "route.paths"])
    assert list(columns) == [
        "route.prefix.af", "route.prefix.address", "route.prefix.len", "route.paths"
    ]  # fmt: skip
    assert set(columns.texts("route.prefix")) >= set(networks)
    assert set(columns.objects("route.prefix.address")) >= {
        IPv4Network(network).network_address for network in networks
    }
    paths = columns["route.paths"].values
    assert "nh.address" in paths
    assert paths.rows == len(paths["weight"])
    taken = {name: columns[name] for name in list(columns)[:3]}
    result = client.bulk("ip_route_add_del", {"is_add": False}, taken)
    assert result.sent == columns.rows
    left = client.api.ip_route_v2_dump().columns().texts("route.prefix")
    assert not set(networks) & set(left)


def test_batches(client: Client, has_numpy: bool) -> None:
    routes(client, [f"10.0.{n}.0/24" for n in range(200)])
    parts = list(client.api.ip_route_v2_dump().batches(32, ["route.prefix", "route.paths"]))
    assert all(0 < part.rows <= 32 for part in parts)
    whole = client.api.ip_route_v2_dump().columns()
    assert sum(part.rows for part in parts) == whole.rows
    texts = [text for part in parts for text in part.texts("route.prefix")]
    assert texts == whole.texts("route.prefix")
    with pytest.raises(InvalidArgument, match="rows is at least 1, not 0"):
        client.api.ip_route_v2_dump().batches(0)
    # A loop that is left, and another dump after it.
    for part in client.api.ip_route_v2_dump().batches(10):
        assert part.rows <= 10
        break
    assert len(client.api.ip_route_v2_dump().all()) == whole.rows


def test_other_forms(client: Client) -> None:
    np = pytest.importorskip("numpy")
    routes(client, [f"10.{n}.0.0/16" for n in range(5)])
    dump = client.api.ip_route_v2_dump()
    arrays = dump.to_numpy()
    assert arrays["route.prefix.len"].tolist().count(16) == 5
    assert all(
        column.dtype.isnative for column in arrays.values() if isinstance(column, np.ndarray)
    )
    pa = pytest.importorskip("pyarrow")
    table = dump.to_arrow()
    table.validate(full=True)
    assert table.num_rows == len(dump.all())
    assert table["route.prefix.address"].type == pa.binary(16)
    path = table["route.paths"].to_pylist()[0][0]
    assert path["weight"] == dump.all()[0].route.paths[0].weight
    interfaces = client.api.sw_interface_dump().to_arrow()
    assert interfaces["interface_name"].to_pylist() == ["local0", "loop0"]
    assert interfaces["mtu"].type == pa.list_(pa.uint32(), 4)
    assert "IF_API_TYPE_HARDWARE" in interfaces["type"].to_pylist()
    pd = pytest.importorskip("pandas")
    frame = dump.to_pandas()
    assert {f"10.{n}.0.0/16" for n in range(5)} <= set(frame["route.prefix"])
    assert isinstance(frame, pd.DataFrame)
    names = client.api.sw_interface_dump().to_pandas().set_index("interface_name")
    assert names.loc["loop0", "l2_address"].count(":") == 5


@pytest.mark.parametrize("form", ["to_numpy", "to_arrow", "to_pandas"])
def test_what_is_not_installed_is_named(
    client: Client, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = client.api.sw_interface_dump().columns()

    def nothing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", nothing)
    extra = form.removeprefix("to_")
    with pytest.raises(InvalidArgument, match=rf"pip install 'vapi_cffi\[{extra}\]'"):
        getattr(columns, form)()


def test_streams_have_columns(things: tuple[Peer, Client], has_numpy: bool) -> None:
    peer, client = things

    @peer.on("part_get")
    def answer(request: Request) -> list[bytes]:
        cursor = request["cursor"]
        assert isinstance(cursor, int)
        found = [request.details("part_details", number=n) for n in range(cursor, cursor + 4)]
        return [*found, request.reply(0 if cursor == 8 else -165, cursor=cursor + 4)]

    stream = client.api.part_get()
    assert listed(stream.columns()["number"]) == list(range(12))
    assert stream.reply.cursor == 12
    assert [listed(part["number"]) for part in client.api.part_get().batches(3)] == [
        [0, 1, 2], [3], [4, 5, 6], [7], [8, 9, 10], [11]
    ]  # fmt: skip


def test_details_that_are_cut_short(things: tuple[Peer, Client], has_numpy: bool) -> None:
    peer, client = things
    codec = client.message_codec("text_details")

    def raw(body: bytes) -> Callable[[Request], list[bytes]]:
        def answer(request: Request) -> list[bytes]:
            number = request.ids("text_details").to_bytes(2, "big")
            return [number + request.context + body]

        return answer

    for body in (b"", bytes(7), bytes(4) + (5).to_bytes(4, "big") + b"four"):
        peer.on("text_dump")(raw(body))
        with pytest.raises(BadMessage, match=r"text_details: .* bytes are too few"):
            client.api.text_dump().columns()
        with pytest.raises(BadMessage, match="text_details"):
            client.api.text_dump().all()
    # What is behind the end is padding.
    peer.on("text_dump")(raw(bytes(4) + (4).to_bytes(4, "big") + b"fourpad"))
    assert client.api.text_dump().columns().texts("text") == ["four"]
    assert codec.size == 14


def test_memory_of_batches_is_flat(client: Client) -> None:
    """A dump in batches needs a fraction of what the whole has."""
    routes(client, [str(net) for net in ip_network("10.0.0.0/8").subnets(new_prefix=20)])

    def peak(run: Callable[[], object]) -> int:
        gc.collect()
        tracemalloc.start()
        run()
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    def batches() -> None:
        assert sum(part.rows for part in client.api.ip_route_v2_dump().batches(100)) >= 4096

    batches()
    whole = 200 * 4096  # a route has more, with its one path
    assert peak(batches) * 4 < whole


def test_a_closed_client(client: Client) -> None:
    parts = client.api.sw_interface_dump().batches(1)
    client.close()
    with pytest.raises(NotConnected):
        next(iter(parts))


def test_numpy_is_only_optional(has_numpy: bool) -> None:
    assert (columns_module.numpy_if_there() is not None) == has_numpy
