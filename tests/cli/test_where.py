"""Conditions of --where: what they can say, and what they cannot."""

from __future__ import annotations

import pytest

from vapi_cffi import InvalidArgument
from vapi_cffi._codec import MessageCodec
from vapi_cffi._registry import scope_of_package
from vapi_cffi.cli._fields import parse
from vapi_cffi.cli._where import Condition


def codec(name: str) -> MessageCodec:
    return scope_of_package().codec(name)


INTERFACE = codec("sw_interface_details")
LOOP = INTERFACE.cls(
    **parse(
        INTERFACE,
        [
            *("sw_if_index=3", "interface_name=loop0", "mtu=9000,1500,0,0", "flags=admin_up"),
            *("tag=a b", "l2_address=02:fe:00:00:00:03", "sub_id=-1", "link_speed=1000"),
        ],
    )
)
ROUTE = codec("ip_route_v2_details")
DETAIL = ROUTE.cls(
    **parse(
        ROUTE,
        [
            "route.prefix=10.1.2.0/24",
            "route.paths[0].sw_if_index=3",
            "route.paths[0].nh.address.ip4=10.0.0.2",
            "route.paths[1].sw_if_index=4",
            "route.paths[1].weight=7",
        ],
    )
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("mtu[0] > 1500", True),
        ('mtu[0] > 1500 and "loop" in interface_name', True),
        ('mtu[0] > 1500 and not "loop" in interface_name', False),
        ("mtu[-1] == 0", True),
        ("mtu[9] == 0", False),
        ("mtu[9] is None", True),
        ("1000 < mtu[0] <= 9000", True),
        ("sw_if_index in [1, 2, 3]", True),
        ("sw_if_index not in (1, 2)", True),
        ("mtu[0] - mtu[1] == 7500", True),
        ("mtu[0] // 1000 % 2 == 1 or sw_if_index & 1", True),
        ("-sw_if_index < 0", True),
        ("sub_id == ~0", True),
        ("len(interface_name) == 5 and max(mtu) == 9000", True),
        ("startswith(interface_name, 'loop') and endswith(interface_name, '0')", True),
        ("like(interface_name, 'loop*')", True),
        ("matches(interface_name, '^l..p[0-9]$')", True),
        ("lower('ABC') == 'abc'", True),
        ("'admin_up' in flags", True),
        ("'link_up' in flags", False),
        ("flags == 'admin_up'", True),
        ("flags == 1", True),
        ("type == 'hardware'", True),
        ("l2_address == '02:FE:00:00:00:03'", True),
        ("l2_address < '02:fe:00:00:00:04'", True),
        ("(10 if sw_if_index > 2 else 20) == 10", True),
        ("true and not false", True),
        ("any(m == 1500 for m in mtu)", True),
        ("all(m for m in mtu)", False),
    ],
)
def test_conditions_on_an_interface(expression: str, expected: bool) -> None:
    assert Condition(expression, INTERFACE)(LOOP) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("route.prefix == '10.1.2.0/24'", True),
        ("route.prefix in '10.0.0.0/8'", True),
        ("route.prefix in '2001:db8::/32'", False),
        ("'10.1.2.3' in route.prefix", True),
        ("'10.1.3.3' in route.prefix", False),
        ("route.paths[0].sw_if_index == 3", True),
        ("len(route.paths) == 2 and route.n_paths == 2", True),
        ("any(p.weight > 5 and p.sw_if_index == 4 for p in route.paths)", True),
        ("any(p.weight > 5 for p in route.paths if p.sw_if_index == 3)", False),
        ("route.paths[5].weight > 0", False),
        ("route.paths[0].nh.address.ip4 in '10.0.0.0/24'", True),
    ],
)
def test_conditions_on_a_route(expression: str, expected: bool) -> None:
    assert Condition(expression, ROUTE)(DETAIL) is expected


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("__import__('os').system('true')", "is not allowed"),
        ("__import__('os')", "is no function that a condition may call"),
        ("eval('1')", "is no function"),
        ("interface_name.__class__", "has no field '__class__'"),
        ("interface_name.upper()", "is not allowed"),
        ("(lambda: 1)()", "is not allowed"),
        ("[x for x in mtu]", "is not allowed"),
        ("{1: 2}", "is not allowed"),
        ("2 ** 10 ** 10", "is not allowed"),
        ("1 << 10 ** 9", "is not allowed"),
        ("'a' * 1000000000", "expected a number"),
        ("f'{mtu}'", "is not allowed"),
        ("mtu[sw_if_index]", "expected a number in the brackets"),
        ("mtu[0:2]", "expected a number in the brackets"),
        ("(x := 1)", "is not allowed"),
        ("any(p.__class__ for p in mtu)", "no field '__class__'"),
        ("any(p.weight for p in mtu)", "no field 'weight'"),
        ("mtuu[0] > 1", "has no field 'mtuu': did you mean 'mtu'?"),
        ("mtu.x > 1", "it is an array, whose first element is [0]"),
        ("flags == 'admin_upp'", "did you mean"),
        ("sw_if_index < 'a'", "not supported"),
        ("l2_address == 'xy'", "expected a MAC address"),
        ("1 / 0", "division by zero"),
        ("matches(tag, '(')", "--where"),
        ("len(1, 2)", "--where"),
        ("mtu[0] >", "--where"),
        ("", "--where"),
        ("(" * 300 + "1" + ")" * 300, "--where"),
        ("not " * 200 + "1", "nested too deeply"),
        ("1" * 5000, "at most 4000 characters"),
    ],
)
def test_what_is_refused(expression: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Condition(expression, INTERFACE)(LOOP)
    assert words in str(caught.value)
