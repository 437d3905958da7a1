"""Lines of C as clang-format would break them: functions, parameter lists, comments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..writer import Writer

#: Longest line of generated code.
WIDTH = 100


def wrap(head: str, items: Sequence[str], tail: str) -> list[str]:
    """`head(` items `)tail`, broken between items when too long; `head` ends in the bracket."""
    lines = [head]
    indent = " " * len(head)
    for index, item in enumerate(items):
        last = index + 1 == len(items)
        text = item + (tail if last else ",")
        line = lines[-1]
        space = "" if line in (head, indent) else " "
        if line not in (head, indent) and len(line) + len(space) + len(text) > WIDTH:
            lines.append(indent)
            space = ""
        lines[-1] += space + text
    if not items:
        lines[-1] += tail
    return lines


def function(out: Writer, head: str, parameters: Sequence[str], body: Iterable[str]) -> None:
    """A static inline function, on one line if it fits: `head` is type and name."""
    prefix = f"static inline {head}" if head.endswith("*") else f"static inline {head}"
    signature = wrap(f"{prefix}(", parameters, ")")
    statements = list(body)
    if len(statements) <= 1 and len(signature) == 1:
        inside = f"{{ {statements[0]} }}" if statements else "{}"
        line = f"{signature[0]} {inside}"
        if len(line) <= WIDTH:
            out.line(line)
            out.line()
            return
    for line in signature:
        out.line(line)
    out.line("{")
    with out.indent():
        for line in statements:
            out.line(line)
    out.line("}")
    out.line()


def call(head: str, items: Sequence[str], tail: str = ");", indent: int = 4) -> list[str]:
    """A call as a statement, as lines for a function's body `indent` columns deep."""
    padded = wrap(" " * indent + head, items, tail)
    return [line[indent:] for line in padded]


def comment(out: Writer, text: str) -> None:
    """A documentation comment; nothing for an empty text."""
    lines = text.replace("*/", "* /").replace("/*", "/ *").split("\n")
    if not text:
        return
    if len(lines) == 1 and len(lines[0]) + 7 <= WIDTH:
        out.line(f"/** {lines[0]} */")
        return
    out.line("/**")
    for line in lines:
        out.line(f" * {line.rstrip()}".rstrip())
    out.line(" */")
