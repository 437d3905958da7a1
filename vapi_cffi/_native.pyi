"""What mypy may know of the compiled module: declarations are checked by the C compiler instead."""

from typing import Any

ffi: Any
lib: Any
