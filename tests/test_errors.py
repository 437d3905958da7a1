"""The exception tree is as its docstring draws it, and every code has its class."""

from __future__ import annotations

import ast
import errno
import pickle
import re
from pathlib import Path

import pytest

import vapi_cffi
from vapi_cffi import _errors
from vapi_cffi._ffi import lib

CODES = [name for name in dir(lib) if re.fullmatch(r"VAPI_(E[A-Z_]+|MUTEX_FAILURE)", name)]


def drawn() -> dict[str, str]:
    """Class to parent, read from the drawing."""
    parents: dict[str, str] = {}
    above = {0: "VapiError"}
    for line in (_errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:\|   |    )*)\+-- (\w+)", line)
        if match:
            depth = len(match[1]) // 4 + 1
            above[depth] = match[2]
            parents[match[2]] = above[depth - 1]
    return parents


def test_the_drawing_is_the_tree() -> None:
    parents = drawn()
    classes = {
        name: item
        for name, item in vars(_errors).items()
        if isinstance(item, type) and issubclass(item, _errors.VapiError)
    }
    assert set(parents) | {"VapiError"} == set(classes)
    for name, parent in parents.items():
        assert classes[name].__bases__[0] is classes[parent], name


def test_all_are_exported() -> None:
    for name in drawn():
        assert getattr(vapi_cffi, name).__module__ == "vapi_cffi"
    assert [name for name in vapi_cffi.__all__ if not hasattr(vapi_cffi, name)] == []


def test_public_names_are_listed_by_their_modules() -> None:
    """What type checkers read, and what is imported when a name is first used."""
    source = ast.parse(Path(vapi_cffi.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in source.body if isinstance(node, ast.If))
    seen = {
        node.module: tuple(item.name for item in node.names)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
    }
    assert seen == vapi_cffi._HOMES
    listed = {name for names in seen.values() for name in names}
    assert listed | {"__version__"} == set(vapi_cffi.__all__)


def test_there_are_all_codes_of_vapi() -> None:
    assert len(CODES) == 14


@pytest.mark.parametrize("name", CODES)
def test_every_code_has_a_class_and_a_name(name: str) -> None:
    code = getattr(lib, name)
    assert _errors.code_name(code) == name
    error = _errors.error_for(code)
    assert type(error) is not _errors.VapiError
    assert error.code == code
    with pytest.raises(type(error), match=name):
        _errors.check(code)


def test_no_error_is_no_error() -> None:
    _errors.check(lib.VAPI_OK)


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (_errors.Timeout, TimeoutError),
        (_errors.WouldBlock, BlockingIOError),
        (_errors.ConnectionLost, ConnectionResetError),
        (_errors.ConnectFailed, ConnectionError),
        (_errors.NoSuchPath, FileNotFoundError),
        (_errors.AccessDenied, PermissionError),
        (_errors.SocketFailure, OSError),
        (_errors.OutOfMemory, MemoryError),
        (_errors.InvalidArgument, ValueError),
        (_errors.MessageUnavailable, LookupError),
    ],
)
def test_builtin_parents(cls: type[_errors.VapiError], builtin: type[Exception]) -> None:
    error = cls("words", code=3, os_errno=errno.ENOENT)
    assert isinstance(error, builtin)
    assert str(error) == "words"
    assert error.os_errno == errno.ENOENT
    if isinstance(error, OSError):
        assert error.errno == errno.ENOENT
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.code) == (cls, "words", 3)


def test_api_error_keeps_its_retval_through_pickle() -> None:
    error = pickle.loads(pickle.dumps(_errors.ApiError("no", retval=-7)))
    assert error.retval == -7
