"""`vapi stubs`: what a running VPP offers, as types for editors and checkers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import Target, target_options

if TYPE_CHECKING:
    from .._client import Client
    from ..generator.model import ApiFile

#: The package that `Client.api` and `aio.Client.api` take their types from.
PACKAGE = "vapi_cffi_api"

_ASKED = '''"""Functions of `client.api`."""

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

class Asked(Generic[P, R]):
    """A request as a function, and its classes."""

    request: Any
    reply: Any
    details: Any
    events: tuple[str, ...]
    def __call__(self, *arguments: P.args, **fields: P.kwargs) -> R: ...
    def raw(self, *arguments: P.args, **fields: P.kwargs) -> R:
        """The reply, whatever its retval."""

def asked(function: Callable[Concatenate[Any, P], R]) -> Asked[P, R]: ...
'''


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi stubs -o typings                    # where Pylance and Pyright look\n"
    "  vapi stubs -o typings && MYPYPATH=typings mypy program.py\n"
    "\n"
    "Editors then complete client.api. and the arguments of each request, and mypy\n"
    "checks them; programs need not be changed, and do not need the stubs to run."
)
@click.option(
    "--output",
    "-o",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help=f"Where the package {PACKAGE} is written.",
)
@target_options
def command(folder: Path, target: Target) -> None:
    """Write type stubs (.pyi) for the requests that a running VPP has, plugins included."""
    with target.connect() as client:
        texts = stubs_of(client)
    written = write(folder / PACKAGE, texts)
    click.echo(f"{folder / PACKAGE}: {len(texts)} files, {written} of them new or changed")


def stubs_of(client: Client) -> dict[str, str]:
    """Names of files and their texts. Errors: `MessageUnavailable` if VPP does not describe
    itself."""
    from .._errors import MessageUnavailable
    from ..generator import load_json_text
    from ..generator.emit import EmitOptions
    from ..generator.emit.python import EMITTER

    try:
        documents = json.loads(client.api.get_api_json().json)
    except AttributeError as error:
        raise MessageUnavailable(
            "this VPP does not describe its API (it is older than 24.06): take `vapi generate "
            "--python` with its API files"
        ) from error
    documents += _undescribed(client, documents)
    model = load_json_text(json.dumps(documents), "live")
    options = EmitOptions(banner=False)
    found = {"_scope.py": EMITTER.finish(model, options)["_scope.py"]}
    for file in model.files:
        found |= EMITTER.emit(file, model, options)
    texts = {f"{name}i": _as_stub(text) for name, text in found.items() if name.endswith(".py")}
    return texts | {"__init__.pyi": _package(model.files), "_asked.pyi": _ASKED, "py.typed": ""}


def _undescribed(client: Client, documents: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Descriptions of the messages that VPP has and does not describe (control_ping), as this
    package knows them."""
    from .. import __file__ as package

    table = client.connection.message_table
    told = {message[0] for document in documents for message in document.get("messages") or ()}
    text = (Path(package).parent / "api" / "definitions.json").read_text()
    own = json.loads(text)
    found = []
    for document in [own] if isinstance(own, dict) else own:
        messages = [
            message
            for message in document.get("messages") or ()
            if message[0] not in told and f"{message[0]}_{message[-1]['crc'][2:]}" in table
        ]
        names = {message[0] for message in messages}
        if messages:
            services = document.get("services") or {}
            found.append(
                document
                | {
                    "messages": messages,
                    "services": {name: services[name] for name in services if name in names},
                }
            )
    return found


#: The classes of levels that are not `client.api`, in a module.
_OTHER_LEVEL = re.compile(
    r"^    class \w+(?:Callbacks|Objects):\n(?:(?:     .*)?\n)*", re.MULTILINE
)
_REQUESTS = re.compile(r"^    class \w+Requests:\n(?:(?:     .*)?\n)*", re.MULTILINE)


def _as_stub(text: str) -> str:
    """A module of bindings as a stub: the level of `client.api`, whose requests have `.raw()` and
    `.request` as well."""
    text = _OTHER_LEVEL.sub("", text)
    found = _REQUESTS.sub(
        lambda some: some[0].replace("        def ", "        @asked\n        def "), text
    )
    start = "from __future__ import annotations\n"
    if found != text:
        found = found.replace(start, f"{start}\nfrom ._asked import asked\n", 1)
    return found


def _package(files: Iterable[ApiFile]) -> str:
    """`__init__.pyi`: the requests of all modules."""
    from ..generator.emit.python_levels import surface
    from ..generator.naming import python_module

    asked = [file for file in files if file.services]
    lines = ['"""What a running VPP offers, as `vapi stubs` found it."""', ""]
    lines += ["from typing import Any", ""]
    kinds = {"Api": "Requests", "AsyncApi": "AsyncRequests"}
    for file in asked:
        names = ", ".join(surface(file, kind) for kind in kinds.values())
        lines.append(f"from .{python_module(file.module)} import {names}")
    for name, kind in kinds.items():
        lines += ["", f"class {name}(", *(f"    {surface(file, kind)}," for file in asked), "):"]
        lines.append("    def __getitem__(self, name: str) -> Any: ...")
    return "\n".join(lines) + "\n"


def write(folder: Path, texts: Mapping[str, str]) -> int:
    """Writes the files that changed, and removes those of plugins that are gone; how many were
    written. Errors: OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.pyi"):
        if old.name not in texts:
            old.unlink()
    changed = 0
    for name, text in texts.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed += 1
    return changed
