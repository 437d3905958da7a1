"""`import vpp_papi` gives the drop-in: for programs that are not to be changed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_THEIRS = "vpp_papi"
_OURS = __package__


def our_name(name: str) -> str | None:
    """The module here that stands for one of vpp_papi, None for others."""
    if name == _THEIRS or name.startswith(f"{_THEIRS}."):
        return f"{_OURS}{name[len(_THEIRS) :]}"
    return None


class _Redirect(MetaPathFinder, Loader):
    """Answers imports of vpp_papi and what is below it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = our_name(fullname)
        if ours is None or (ours != _OURS and importlib.util.find_spec(ours) is None):
            return None
        return ModuleSpec(fullname, self, is_package=ours == _OURS)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # The import machinery takes what is in sys.modules afterwards.
        ours: Any = our_name(module.__name__)
        sys.modules[module.__name__] = importlib.import_module(ours)


_redirect = _Redirect()


def install() -> None:
    """From now on `import vpp_papi`, also of its submodules, gives this package. Idempotent.

    Modules of vpp_papi that were imported before are forgotten; who holds them keeps them.

    >>> install()
    >>> import vpp_papi
    >>> vpp_papi.__name__
    'vapi_cffi.papi'
    >>> uninstall()
    """
    if _redirect not in sys.meta_path:
        sys.meta_path.insert(0, _redirect)
        _forget()


def uninstall() -> None:
    """The end of `install`. Idempotent."""
    if _redirect in sys.meta_path:
        sys.meta_path.remove(_redirect)
        _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if our_name(name) is not None]:
        del sys.modules[name]
