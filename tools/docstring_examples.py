"""For mkdocs.yml: the `>>>` examples of docstrings become blocks of code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1\S.*)*", re.MULTILINE)


class DocstringExamples(Extension):
    """Fences paragraphs that begin with `>>>`."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(found: re.Match[str]) -> str:
    text = re.sub(r" *# doctest: \+SKIP", "", found[0])
    return f"{found[1]}```pycon\n{text}\n{found[1]}```"
