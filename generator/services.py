"""Services: the explicit ones checked, the others derived from the names of messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ._diagnostics import Diagnostics, Where
from .schema import DefineDecl, ServiceDecl


def derive(
    messages: Mapping[str, Where],
    explicit: Iterable[ServiceDecl],
    diagnostics: Diagnostics | None,
) -> list[ServiceDecl]:
    """The services that follow from the names of `messages`, in their order.

    `X` with `X_reply` is a request, `X_dump` with `X_details` a dump. With `diagnostics`, messages
    that fit nowhere are errors, as for VPP's compiler; without (hand-made JSON), they are left out.
    """
    callers = {item.caller for item in explicit}
    events = {event for item in explicit for event in item.events}
    found: list[ServiceDecl] = []
    for name, where in messages.items():
        if name in events:
            continue
        problem = None
        if name.endswith("_reply"):
            caller = name.removesuffix("_reply")
            if caller not in callers and caller not in messages:
                problem = f"expected message {caller!r}, of which this is the reply"
        elif name.endswith("_dump"):
            details = name.removesuffix("_dump") + "_details"
            if name in callers:
                continue
            if details in messages:
                found.append(ServiceDecl(name, details, where, is_stream=True))
            else:
                problem = f"expected message {details!r}, or a service"
        elif name.endswith("_details"):
            problem = _check_details(name.removesuffix("_details"), callers, messages)
        elif name not in callers:
            reply = f"{name}_reply"
            if reply in messages:
                found.append(ServiceDecl(name, reply, where))
            else:
                problem = f"expected message {reply!r}, or a service"
        if problem is not None and diagnostics is not None:
            diagnostics.error(where, f"message {name!r}: {problem}")
    return found


def _check_details(base: str, callers: Collection[str], messages: Collection[str]) -> str | None:
    """What is missing around `BASE_details`, or None."""
    if f"{base}_get" in messages:
        if f"{base}_get" in callers:
            return None
        return f"expected a service: rpc {base}_get returns {base}_get_reply stream {base}_details"
    if f"{base}_dump" in messages:
        return None
    return f"expected message '{base}_dump' or '{base}_get'"


def check(
    services: Iterable[ServiceDecl], defines: Mapping[str, DefineDecl], diagnostics: Diagnostics
) -> list[ServiceDecl]:
    """The services whose messages all exist and make sense; the others are reported."""
    known = list(services)
    replies = {item.reply: item for item in known if item.reply is not None}
    seen: set[str] = set()
    sound = []
    for item in known:
        named = (item.caller, item.reply, item.stream_message, *item.events)
        unknown = [name for name in named if name is not None and name not in defines]
        if unknown:
            expected = "expected a message of this file"
            diagnostics.error(item.where, f"service: unknown message {unknown[0]!r}: {expected}")
        elif item.caller == item.reply:
            message = f"service: {item.caller!r} is its own reply: expected another message"
            diagnostics.error(item.where, message)
        elif item.caller in replies:
            other = replies[item.caller].caller
            message = f"service: {item.caller!r} is the reply of {other!r}: expected a request"
            diagnostics.error(item.where, message)
        elif item.caller in seen:
            diagnostics.error(item.where, f"second service of {item.caller!r}: expected one")
        else:
            sound.append(item)
        seen.add(item.caller)
    return sound


def explicit_part(services: list[ServiceDecl], messages: Mapping[str, Where]) -> list[ServiceDecl]:
    """The services of a file that its `.api` text must spell out.

    JSON lists them first, then the derived ones; so they are the shortest beginning of the list
    from which the rest follows.
    """
    for count in range(len(services) + 1):
        head = services[:count]
        if derive(messages, head, None) == services[count:]:
            return head
    return services
