"""`--where`: conditions on the fields of a message, in a small part of Python's language.

An expression is parsed by `ast`, and every node that is not listed here is refused: no attributes
but fields of the message, no calls but the functions of `FUNCTIONS`, no names but fields. So a
condition can read values of the message, and nothing else.

Texts compare with what the field holds: `prefix == "10.0.0.0/8"`, `next_hop in "10.0.0.0/8"`,
`flags == "admin_up"`, `"admin_up" in flags`.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any

from .._addresses import MACAddress
from .._blocks import Block
from .._enums import ApiFlag, to_member
from .._errors import InvalidArgument
from .._values import ApiUnion, ApiValue
from ._fields import Step
from ._values import check_path, get, text

#: What a condition computes, from a value and the names that `any(... for x in ...)` has.
Compute = Callable[[Any, Mapping[str, Any]], Any]

_MAX_LENGTH = 4000
_MAX_DEPTH = 100
_ADDRESSES = (IPv4Address, IPv6Address)
_NETWORKS = (IPv4Network, IPv6Network)
_INTERFACES = (IPv4Interface, IPv6Interface)

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.RShift: operator.rshift,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}


def _like(value: Any, pattern: str) -> bool:
    return fnmatchcase(text(value), pattern)


def _matches(value: Any, pattern: str) -> bool:
    return re.search(pattern, text(value)) is not None


#: The functions that a condition may call.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "min": min,
    "max": max,
    "sum": sum,
    "abs": abs,
    "int": int,
    "str": text,
    "lower": lambda value: text(value).lower(),
    "startswith": lambda value, start: text(value).startswith(start),
    "endswith": lambda value, end: text(value).endswith(end),
    "like": _like,
    "matches": _matches,
}
_LOOPS: dict[str, Callable[[Any], bool]] = {"any": any, "all": all}
_CONSTANTS = {"true": True, "false": False, "none": None, "null": None}


class Condition:
    """A condition on values of one block; call it with a value.

    Errors: `InvalidArgument` says what in the text is wrong, already here; when called, what a
    value cannot be compared with.
    """

    def __init__(self, expression: str, block: Block) -> None:
        self.text = expression
        self._block = block
        self._depth = 0
        self._locals: list[str] = []
        if len(expression) > _MAX_LENGTH:
            raise InvalidArgument(f"a condition has at most {_MAX_LENGTH} characters")
        try:
            tree = ast.parse(expression.strip(), mode="eval")
            self._compute = self._compile(tree.body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if isinstance(error, InvalidArgument):
                raise
            reason = getattr(error, "msg", None) or "too deep"
            raise InvalidArgument(f"--where {expression[:80]!r}: {reason}") from None

    def __call__(self, value: Any) -> bool:
        try:
            return bool(self._compute(value, {}))
        except (TypeError, ValueError, ArithmeticError, LookupError, re.error) as error:
            raise InvalidArgument(f"--where {self.text!r}: {error}") from None

    def _refuse(self, node: ast.AST, why: str = "is not allowed") -> InvalidArgument:
        part = ast.get_source_segment(self.text.strip(), node) or type(node).__name__
        return InvalidArgument(f"--where: {part!r} {why}")

    # ---- compiling -----------------------------------------------------------------------------

    def _compile(self, node: ast.expr) -> Compute:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise InvalidArgument("--where: nested too deeply")
        try:
            method = getattr(self, f"_on_{type(node).__name__}", None)
            if method is None:
                raise self._refuse(node)
            compute: Compute = method(node)
            return compute
        finally:
            self._depth -= 1

    def _on_Constant(self, node: ast.Constant) -> Compute:  # noqa: N802
        constant = node.value
        if not isinstance(constant, str | int | float | None):
            raise self._refuse(node)
        return lambda value, names: constant

    def _on_Name(self, node: ast.Name) -> Compute:  # noqa: N802
        name = node.id
        if name in self._locals:
            return lambda value, names: names[name]
        if name not in self._block.by_name and name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return lambda value, names: constant
        return self._path(node, [name])

    def _on_Attribute(self, node: ast.Attribute) -> Compute:  # noqa: N802
        return self._member(node)

    def _on_Subscript(self, node: ast.Subscript) -> Compute:  # noqa: N802
        return self._member(node)

    def _member(self, node: ast.expr) -> Compute:
        """`a.b[0]`: a path of the message if all of it is, else steps into a computed value."""
        steps: list[Step] = []
        inner = node
        while isinstance(inner, ast.Attribute | ast.Subscript):
            steps.insert(0, self._step(inner))
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id not in self._locals:
            return self._path(node, [inner.id, *steps])
        base = self._compile(inner)

        def walk(value: Any, names: Mapping[str, Any]) -> Any:
            found = base(value, names)
            for step in steps:
                found = _get(found, step)
            return found

        return walk

    def _step(self, node: ast.Attribute | ast.Subscript) -> Step:
        if isinstance(node, ast.Attribute):
            return node.attr
        index = node.slice
        if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
            index, sign = index.operand, -1
        else:
            sign = 1
        if isinstance(index, ast.Constant) and type(index.value) is int:
            return sign * index.value
        raise self._refuse(node, "is no element: expected a number in the brackets")

    def _path(self, node: ast.AST, steps: list[Step]) -> Compute:
        right = check_path(self._block, steps)

        def walk(value: Any, names: Mapping[str, Any]) -> Any:
            for step in right:
                value = get(value, step)
            return value

        return walk

    def _on_BoolOp(self, node: ast.BoolOp) -> Compute:  # noqa: N802
        parts = [self._compile(item) for item in node.values]
        if isinstance(node.op, ast.And):
            return lambda value, names: all(part(value, names) for part in parts)
        return lambda value, names: any(part(value, names) for part in parts)

    def _on_UnaryOp(self, node: ast.UnaryOp) -> Compute:  # noqa: N802
        if isinstance(node.op, ast.Invert) and isinstance(node.operand, ast.Constant):
            if type(node.operand.value) is int:
                constant = 0xFFFFFFFF & ~node.operand.value  # ~0 as VPP writes it
                return lambda value, names: constant
            raise self._refuse(node)
        operand = self._compile(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda value, names: not operand(value, names)
        do = _UNARY[type(node.op)]
        return lambda value, names: do(_number(operand(value, names)))

    def _on_BinOp(self, node: ast.BinOp) -> Compute:  # noqa: N802
        do = _BINARY.get(type(node.op))
        if do is None:
            raise self._refuse(node)
        left, right = self._compile(node.left), self._compile(node.right)
        return lambda value, names: do(_number(left(value, names)), _number(right(value, names)))

    def _on_Compare(self, node: ast.Compare) -> Compute:  # noqa: N802
        parts = [self._compile(item) for item in (node.left, *node.comparators)]
        tests = [self._test(item) for item in node.ops]

        def compare(value: Any, names: Mapping[str, Any]) -> bool:
            left = parts[0](value, names)
            for test, part in zip(tests, parts[1:], strict=True):
                right = part(value, names)
                if not test(left, right):
                    return False
                left = right
            return True

        return compare

    def _test(self, op: ast.cmpop) -> Callable[[Any, Any], bool]:
        if isinstance(op, ast.In):
            return contains
        if isinstance(op, ast.NotIn):
            return lambda left, right: not contains(left, right)
        if isinstance(op, ast.Is):
            return lambda left, right: left is right
        if isinstance(op, ast.IsNot):
            return lambda left, right: left is not right
        do = _COMPARE[type(op)]
        ordered = not isinstance(op, ast.Eq | ast.NotEq)

        def test(left: Any, right: Any) -> bool:
            left, right = _alike(left, right)
            if ordered and (left is None or right is None):
                return False
            return do(left, right)

        return test

    def _on_IfExp(self, node: ast.IfExp) -> Compute:  # noqa: N802
        test, yes, no = (self._compile(item) for item in (node.test, node.body, node.orelse))
        return lambda value, names: (yes if test(value, names) else no)(value, names)

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Compute:
        parts = [self._compile(item) for item in node.elts]
        return lambda value, names: [part(value, names) for part in parts]

    _on_List = _on_Tuple = _on_Set = _sequence  # noqa: N815

    def _on_Call(self, node: ast.Call) -> Compute:  # noqa: N802
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self._refuse(node)
        name = node.func.id
        if name in _LOOPS and len(node.args) == 1:
            return self._loop(_LOOPS[name], node.args[0])
        function = FUNCTIONS.get(name)
        if function is None:
            known = ", ".join(sorted([*FUNCTIONS, *_LOOPS]))
            raise self._refuse(node, f"is no function that a condition may call: {known}")
        parts = [self._compile(item) for item in node.args]
        return lambda value, names: function(*(part(value, names) for part in parts))

    def _loop(self, over: Callable[[Any], bool], node: ast.expr) -> Compute:
        """`any(p.weight > 1 for p in route.paths)`."""
        if not isinstance(node, ast.GeneratorExp):
            items = self._compile(node)
            return lambda value, names: over(items(value, names) or ())
        (first, *more) = node.generators
        if more or first.is_async or not isinstance(first.target, ast.Name):
            raise self._refuse(node)
        name = first.target.id
        source = self._compile(first.iter)
        self._locals.append(name)
        try:
            tests = [self._compile(item) for item in first.ifs]
            body = self._compile(node.elt)
        finally:
            self._locals.pop()

        def loop(value: Any, names: Mapping[str, Any]) -> bool:
            inner = ({**names, name: item} for item in source(value, names) or ())
            kept = (one for one in inner if all(test(value, one) for test in tests))
            return over(body(value, one) for one in kept)

        return loop


# ---- values of several types ---------------------------------------------------------------------


def _get(value: Any, step: Step) -> Any:
    """A step into the element of an array, whose fields are only known now."""
    if isinstance(step, str):
        if isinstance(value, ApiValue) and step not in type(value).__api__.by_name:
            known = ", ".join(type(value).__api__.by_name)
            raise ValueError(f"no field {step!r}: there are {known}")
        if not isinstance(value, ApiValue | ApiUnion | None):
            raise ValueError(f"no field {step!r} in {text(value)}")
        if isinstance(value, ApiUnion) and step not in type(value).__kind__.arms:
            raise ValueError(f"no arm {step!r}: there are {', '.join(type(value).__kind__.arms)}")
    return get(value, step)


def _number(value: Any) -> Any:
    """Arithmetic is for numbers: what is large is not made larger by `*`."""
    if isinstance(value, int | float):
        return value
    raise TypeError(f"expected a number, not {text(value)!r}")


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides of a comparison, a text turned into what the other side is."""
    if isinstance(right, str) and not isinstance(left, str):
        return left, _as(left, right)
    if isinstance(left, str) and not isinstance(right, str):
        return _as(right, left), right
    return left, right


def _as(other: Any, given: str) -> Any:
    """A text as a value of the other's type. Errors: ValueError."""
    if isinstance(other, Enum):
        return to_member(type(other), given)  # type: ignore[arg-type]
    if isinstance(other, MACAddress):
        return MACAddress(given)
    if isinstance(other, _INTERFACES):
        return ip_interface(given)
    if isinstance(other, _NETWORKS):
        return ip_network(given, strict=False)
    if isinstance(other, _ADDRESSES):
        return ip_address(given)
    if isinstance(other, bytes):
        return bytes.fromhex(given.removeprefix("0x"))
    return given


def contains(item: Any, whole: Any) -> bool:
    """`item in whole`: a part of a text, an element, a flag, an address or prefix in a prefix."""
    if whole is None:
        return False
    if isinstance(whole, ApiFlag):
        wanted = to_member(type(whole), item)
        return int(whole) & int(wanted) == int(wanted)
    if isinstance(whole, str) and isinstance(item, _ADDRESSES + _NETWORKS):
        whole = ip_network(whole, strict=False)
    if isinstance(whole, _INTERFACES):
        whole = whole.network
    if isinstance(whole, _NETWORKS):
        if isinstance(item, str):
            item = ip_network(item, strict=False)
        if isinstance(item, _INTERFACES):
            item = item.ip
        if item is None or item.version != whole.version:
            return False
        if isinstance(item, _NETWORKS):
            return bool(item.subnet_of(whole))  # type: ignore[arg-type]
        return item in whole
    if isinstance(whole, str):
        return text(item) in whole
    if isinstance(whole, list | tuple):
        return any(_equal(item, one) for one in whole)
    return item in whole


def _equal(left: Any, right: Any) -> bool:
    left, right = _alike(left, right)
    return bool(left == right)
