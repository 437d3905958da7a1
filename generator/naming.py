"""Identifiers of C, C++ and Python for the names of API files, and the words they must not be.

VAPI's names are kept to the letter (see each function); only a name that a language cannot use is
changed, by adding `_`.
"""

from __future__ import annotations

import keyword
import re

from .model import Alias, BaseType, Enum, Field, Shape, Struct, Tail, Type


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Reserved in `.api` files. `true` and `type` may still stand for values, `FIELD_WORDS` for fields.
API_RESERVED = _words(
    """service rpc returns null stream events define typedef enum enumflag typeonly manual_print
    manual_endian dont_trace autoreply autoendian option u8 u16 u32 u64 i8 i16 i32 i64 f64 bool
    string import true false union counters paths units severity type description"""
)

#: Reserved words that may name a field all the same.
FIELD_WORDS = _words("type severity description counters paths")

#: Up to C23; `linux` and `unix` are macros where the compiler is not told `-std=c..`.
C_KEYWORDS = _words(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while _Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary
    _Noreturn _Static_assert _Thread_local asm typeof typeof_unqual linux unix"""
)

#: Up to C++20.
CPP_KEYWORDS = C_KEYWORDS | _words(
    """alignas alignof and and_eq bitand bitor bool catch char16_t char32_t class compl const_cast
    constexpr decltype delete dynamic_cast explicit export false friend mutable namespace new
    noexcept not not_eq nullptr operator or or_eq private protected public reinterpret_cast
    static_assert static_cast template this thread_local throw true try typeid typename using
    virtual wchar_t xor xor_eq char8_t concept consteval constinit co_await co_return co_yield
    requires"""
)

#: Names that a Python class of fields cannot use, besides keywords: they would hide what it, or
#: a request as a function, needs.
PYTHON_TAKEN = _words("self cls _request _timeout")

#: The same of the class of a union.
UNION_TAKEN = _words("which _arm _raw")

#: What a generated module imports: a class of that name would hide it.
CLASS_TAKEN = _words(
    """Any ApiEnum ApiFlag ApiMessage ApiUnion ApiValue Awaitable Conn DEFINITIONS Dump
    EventCallback Fields MACAddress Mapping ObjectCallback ReplyCallback Sequence Stream"""
)

_NOT_A_WORD = re.compile(r"\W", re.ASCII)


# --- C and C++ ---


def c_field(name: str) -> str:
    """A member name that both C and C++ accept: the headers serve both."""
    return f"{name}_" if name in CPP_KEYWORDS else name


def c_enumerator(name: str) -> str:
    """An enumerator, unprefixed as in VAPI."""
    return c_field(name)


def c_type(kind: Type) -> str:
    """`vapi_type_X` for structs and aliases, `vapi_enum_X`, `vapi_union_X`; base types as they are,
    except text (`u8`, whose array the field is)."""
    if isinstance(kind, BaseType):
        return "u8" if kind.name == "string" else kind.name
    if isinstance(kind, Struct | Alias):
        return f"vapi_type_{kind.name}"
    return f"vapi_enum_{kind.name}" if isinstance(kind, Enum) else f"vapi_union_{kind.name}"


def c_type_of(item: Field) -> str:
    """Type of a member: as `c_type`, and `vl_api_string_t` for variable strings."""
    return "vl_api_string_t" if item.shape is Shape.STRING else c_type(item.type)


def json_symbol(file_name: str) -> str:
    """`foo.api` gives `foo_api_json`, the base of guards and of DEFINE_VAPI_MSG_IDS_..."""
    return re.sub(r"[./\-+@]", "_", f"{file_name}.json")


def c_guard(file_name: str) -> str:
    """Include guard of the C header."""
    return f"__included_{json_symbol(file_name)}"


def cpp_guard(file_name: str) -> str:
    """Include guard of the C++ header."""
    return f"__included_hpp_{json_symbol(file_name)}"


def c_ids_macro(file_name: str) -> str:
    """`DEFINE_VAPI_MSG_IDS_FOO_API_JSON`."""
    return f"DEFINE_VAPI_MSG_IDS_{json_symbol(file_name).upper()}"


def c_size_parameter(tail: Tail) -> str:
    """Parameter of the allocator: `_r_array_size`, `route_paths_array_size`,
    `cmd_buf_array_size`."""
    *enclosing, last = tail.path
    if tail.shape is Shape.STRING:
        return "_".join([*tail.path, "buf", "array_size"])
    return f"{'_'.join(enclosing)}_{last}_array_size"


def cpp_class(message: str) -> str:
    """`show_version` gives `Show_version`: only the first letter changes."""
    name = message[:1].upper() + message[1:]
    return f"{name}_" if name in CPP_KEYWORDS else name


# --- Python ---


def python_field(name: str) -> str:
    """An attribute or parameter name. One that starts with `__` would be another in a class, or
    mean something there: `__len` gives `_len_`."""
    if name.startswith("__"):
        return f"_{name.lstrip('_')}_"
    return f"{name}_" if keyword.iskeyword(name) or name in PYTHON_TAKEN else name


def python_arm(name: str) -> str:
    """An arm of a union, whose class has names of its own."""
    return f"{name}_" if name in UNION_TAKEN else python_field(name)


def python_class(name: str) -> str:
    """`sw_interface_set_mtu` gives `SwInterfaceSetMtu`; a leading digit gets `_` before it."""
    joined = "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)
    if not joined or joined[0].isdigit():
        joined = f"_{joined}"
    return f"{joined}_" if keyword.iskeyword(joined) or joined in CLASS_TAKEN else joined


def python_member(name: str) -> str:
    """An enumerator: as written, unless Python cannot have it. `mro` and sunder names would break
    `enum.Enum`."""
    if name == "mro" or (name.startswith("_") and name.endswith("_")):
        return f"{name}v"
    return f"{name}_" if keyword.iskeyword(name) else name


def python_module(module: str) -> str:
    """A module name for an API file: `foo-bar` gives `foo_bar`."""
    name = _NOT_A_WORD.sub("_", module)
    if not name or name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def clashes(name: str) -> list[str]:
    """Languages of which a name is a keyword: `["C", "C++", "Python"]` at most."""
    found = []
    if name in C_KEYWORDS:
        found.append("C")
    if name in CPP_KEYWORDS:
        found.append("C++")
    if keyword.iskeyword(name):
        found.append("Python")
    return found
