"""Lines of C as clang-format would break them: functions, parameter lists, comments."""

from __future__ import annotations

from collections.abc import Sequence

from ..writer import Writer

#: Longest line of generated code.
WIDTH = 100


def wrap(head: str, items: Sequence[str], tail: str, slack: int = 9) -> list[str]:
    """`head(` items `)tail`, filled into lines when too long for one; `head` ends in the bracket.

    Further lines begin under the first item, or four columns in if an item does not fit there, or
    if that saves more than `slack` lines.
    """
    if not items:
        return [head + tail]
    texts = [f"{item}," for item in items[:-1]] + [items[-1] + tail]
    lines = _fill(head, " " * len(head), texts)
    margin = " " * (len(head) - len(head.lstrip()) + 4)
    below = [head, *_fill(margin, margin, texts)]
    return below if max(map(len, lines)) > WIDTH or len(below) < len(lines) - slack else lines


def _fill(first: str, margin: str, texts: Sequence[str]) -> list[str]:
    lines = [first + texts[0]]
    for text in texts[1:]:
        if len(lines[-1]) + 1 + len(text) > WIDTH:
            lines.append(margin + text)
        else:
            lines[-1] += f" {text}"
    return lines


def function(
    out: Writer, head: str, parameters: Sequence[str], body: Sequence[str], doc: str = ""
) -> None:
    """A static inline function after a blank line; one line if it fits. `head`: type and name."""
    out.line()
    comment(out, doc)
    first = signature(f"static inline {head}(", parameters)
    if len(body) == 1 and len(first) == 1:
        line = f"{first[0]} {{ {body[0]} }}"
        if len(line) <= WIDTH:
            out.line(line)
            return
    for line in first:
        out.line(line)
    out.line("{")
    with out.indent():
        for line in body:
            out.line(line)
    out.line("}")


def signature(head: str, parameters: Sequence[str]) -> list[str]:
    """Type, name, parameters: in one go if that fits, else with the type on a line of its own."""
    lines = wrap(head, parameters, ")")
    if lines[0] != head:
        return lines
    start = head.rindex("*" if "*" in head else " ") + 1
    named = wrap(head[start:], parameters, ")")
    if named[0] == head[start:] or len(named) > len(lines):
        return lines
    return [head[:start].rstrip(), *named]


def call(head: str, items: Sequence[str], tail: str = ");", indent: int = 4) -> list[str]:
    """A call as a statement, as lines for a function's body `indent` columns deep."""
    padded = wrap(" " * indent + head, items, tail, 0)
    target, assignment, value = head.partition(" = ")
    if len(padded) > 1 and assignment:
        below = wrap(" " * (indent + 4) + value, items, tail)
        if len(below) == 1:
            padded = [" " * indent + f"{target} =", *below]
    return [line[indent:] for line in padded]


def comment(out: Writer, text: str) -> None:
    """A documentation comment; nothing for an empty text."""
    if not text:
        return
    lines = text.replace("*/", "* /").replace("/*", "/ *").split("\n")
    if len(lines) == 1 and len(lines[0]) + 7 <= WIDTH:
        out.line(f"/** {lines[0]} */")
        return
    out.line("/**")
    for line in lines:
        out.line(f" * {line.rstrip()}".rstrip())
    out.line(" */")
