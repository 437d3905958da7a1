"""The examinations of `vapi doctor`, in the order in which a connection would fail."""

from __future__ import annotations

import errno
import grp
import os
import platform
import pwd
import resource
import socket
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .._address import Address, Transport
from .._errors import ConnectionLost, Incompatible, Timeout, VapiError
from ._options import Target

#: The layout of shared memory that this package knows is that of glibc's mutexes on these.
_MACHINES = ("x86_64", "aarch64")
_FEW_FILES = 256
_SOCKET_PATH_BYTES = 107


@dataclass(frozen=True, slots=True)
class Finding:
    """One result. `state`: "ok", "note" (perhaps of interest), or "bad"; `advice`: what to do."""

    state: Literal["ok", "note", "bad"]
    what: str
    text: str
    advice: str = ""


def examine(target: Target) -> Iterator[Finding]:
    """All findings, as they come about. Errors: `InvalidArgument` for what is no address."""
    address = Address.parse(target.address, target.transport)
    yield from _machine(address)
    yield from _limits()
    if address.sim:
        yield Finding("ok", "address", "sim:, an embedded peer of one's own")
    elif address.transport == "shm":
        yield from _regions(address.prefix)
    else:
        yield from _path(address.path or _default_path())
        if address.transport == "memfd":
            yield from _namespaces(None)
    yield from _connections(target, address)


def _default_path() -> str:
    from .._connection import _default_socket

    return _default_socket()


def _machine(address: Address) -> Iterator[Finding]:
    machine = platform.machine()
    library, version = platform.libc_ver()
    text = f"Python {platform.python_version()}, {library or 'an unknown C library'} {version}"
    if address.transport != "shm":
        yield Finding("ok", "machine", f"{machine}, {text}")
        return
    if machine not in _MACHINES or library != "glibc":
        yield Finding(
            "bad",
            "machine",
            f"{machine}, {text}",
            "classic shared memory needs the mutexes of glibc on x86_64 or aarch64, as VPP has "
            "them: take the socket",
        )
    else:
        yield Finding("ok", "machine", f"{machine}, {text.strip()}")


def _limits() -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    if soft != resource.RLIM_INFINITY and soft - used < _FEW_FILES // 8:
        yield Finding(
            "bad", "limits", f"{used} of {soft} files are open", "raise it: ulimit -n 1024"
        )
    elif soft != resource.RLIM_INFINITY and soft < _FEW_FILES:
        yield Finding("note", "limits", f"{soft} open files", "programs may need more: ulimit -n")
    memory, _ = resource.getrlimit(resource.RLIMIT_AS)
    if memory != resource.RLIM_INFINITY and memory < 1 << 30:
        yield Finding(
            "note",
            "limits",
            f"{memory >> 20} MiB of address space",
            "shared memory of VPP may not fit: ulimit -v unlimited",
        )


# ---- the socket ----------------------------------------------------------------------------------


def _path(path: str) -> Iterator[Finding]:
    """The path, step by step, and who listens."""
    yield Finding("ok", "address", f"the socket {path}")
    if len(os.fsencode(path)) > _SOCKET_PATH_BYTES:
        yield Finding(
            "bad",
            "path",
            f"{len(os.fsencode(path))} bytes, a socket's path has at most {_SOCKET_PATH_BYTES}",
            "link a shorter path to its directory",
        )
        return
    blocked = _first_closed(Path(path).parent)
    if blocked is not None:
        yield Finding(
            "bad", "path", f"{blocked} may not be entered by {_me()}", f"chmod o+x {blocked}"
        )
        return
    try:
        status = os.stat(path)
    except OSError as error:
        yield from _absent(path, error)
        return
    if not stat.S_ISSOCK(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no socket"
        advice = "name the api.sock in it" if stat.S_ISDIR(status.st_mode) else _find_sockets()
        yield Finding("bad", "path", f"{path} is {kind}", advice)
        return
    if not os.access(path, os.W_OK):
        yield _denied(path, status)
        return
    owner = f"{_user(status.st_uid)}:{_group(status.st_gid)} {stat.filemode(status.st_mode)}"
    yield Finding("ok", "path", f"{path} is a socket, {owner}, {_me()} may use it")
    yield from _listener(path)


def _first_closed(folder: Path) -> Path | None:
    """The first directory on the way that may not be entered."""
    for place in [*reversed(folder.absolute().parents), folder.absolute()]:
        if place.is_dir() and not os.access(place, os.X_OK):
            return place
    return None


def _absent(path: str, error: OSError) -> Iterator[Finding]:
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        yield Finding("bad", "path", f"{path}: {error.strerror}", "")
        return
    folder = Path(path).parent
    where = f"{path} is not there" if folder.is_dir() else f"there is no directory {folder}"
    running = _vpp_processes()
    if running:
        advice = (
            f"VPP runs ({_listed(running)}) without this socket: look at socksvr "
            f"{{ socket-name ... }} in its startup.conf, or name another. {_find_sockets()}"
        )
    else:
        advice = f"no process vpp is in sight: systemctl start vpp. {_find_sockets()}"
    yield Finding("bad", "path", where, advice.strip())


def _denied(path: str, status: os.stat_result) -> Finding:
    group = _group(status.st_gid)
    text = (
        f"{path} is {_user(status.st_uid)}:{group} {stat.filemode(status.st_mode)}: "
        f"{_me()} may not connect"
    )
    if status.st_mode & stat.S_IWGRP and status.st_gid != 0:
        advice = f"join the group: sudo usermod -aG {group} {_user(os.getuid())}, then log in anew"
    else:
        advice = "run as its owner, or set unix { gid ... } in startup.conf"
    return Finding("bad", "path", text, advice)


def _listener(path: str) -> Iterator[Finding]:
    """Connects the bare socket: is anybody there, and of which process?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            yield Finding(
                "bad",
                "listener",
                "nobody listens: the socket is left over from a process that ended",
                "start VPP again: systemctl restart vpp",
            )
            return
        except (BlockingIOError, TimeoutError):
            yield Finding(
                "bad",
                "listener",
                "it does not accept: its queue is full, its process stands still",
                "look at VPP's main thread: is it stopped (debugger, SIGSTOP), or busy?",
            )
            return
        except OSError as error:
            known = {errno.EPROTOTYPE: "it is no stream socket; VPP's is one"}
            text = known.get(error.errno or 0, error.strerror or str(error))
            yield Finding("bad", "listener", text, _find_sockets())
            return
        raw = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid = struct.unpack("3i", raw)[0]
    name = _name_of(pid)
    if pid == 0:
        yield Finding(
            "note",
            "listener",
            "a process of another pid namespace (a container) listens",
            "the socket works across; for memfd and shm, /dev/shm must be shared too",
        )
    elif name is None or "vpp" in name:
        yield Finding("ok", "listener", f"process {pid} ({name or 'unknown'}) listens")
    else:
        yield Finding(
            "note",
            "listener",
            f"process {pid} ({name}) listens: that is no vpp",
            "fine, if it is an embedded peer or a proxy",
        )


# ---- shared memory -------------------------------------------------------------------------------


def _regions(prefix: str) -> Iterator[Finding]:
    """The two files of classic shared memory."""
    folder = Path("/dev/shm")
    yield Finding("ok", "address", f"classic shared memory, prefix {prefix!r}")
    if not folder.is_dir():
        yield Finding("bad", "/dev/shm", "is not there", "mount -t tmpfs tmpfs /dev/shm")
        return
    for name in ("global_vm", "vpe-api"):
        path = folder / (f"{prefix}-{name}" if prefix else name)
        try:
            status = path.stat()
        except FileNotFoundError:
            found = sorted(item.name for item in folder.glob("*vpe-api"))
            prefixes = [name.removesuffix("vpe-api").rstrip("-") for name in found]
            there = ", ".join(f"shm:{item}" for item in prefixes)
            advice = f"there are {there}" if there else "no VPP has its regions here"
            advice += "; the prefix is api-segment { prefix ... } in startup.conf"
            yield Finding("bad", "region", f"{path} is not there", advice)
            return
        owner = f"{_user(status.st_uid)}:{_group(status.st_gid)} {stat.filemode(status.st_mode)}"
        if not os.access(path, os.R_OK | os.W_OK):
            yield Finding(
                "bad",
                "region",
                f"{path} is {owner}: {_me()} may not read and write it",
                "set api-segment { gid ... } in startup.conf to a group of yours"
                + (f", or join the group {_group(status.st_gid)}" if status.st_gid else ""),
            )
            return
        size = f"{status.st_size >> 20} MiB"
        yield Finding("ok", "region", f"{path}, {owner}, {size}")
    yield from _namespaces(prefix)


def _namespaces(prefix: str | None) -> Iterator[Finding]:
    """Shared memory asks whether a process still lives by its number."""
    for pid, _ in _vpp_processes():
        try:
            theirs = os.readlink(f"/proc/{pid}/ns/pid")
        except OSError:
            continue
        if theirs != os.readlink("/proc/self/ns/pid"):
            yield Finding(
                "note",
                "namespace",
                f"process {pid} (vpp) is in another pid namespace",
                "VPP then takes this client for dead after a while: share the namespace "
                "(docker run --pid=...), or take the socket",
            )


# ---- connecting ----------------------------------------------------------------------------------


def _connections(target: Target, address: Address) -> Iterator[Finding]:
    """Connects, as programs do; first over the transport that was asked for."""
    others: tuple[Transport, ...] = ("memfd",) if address.transport == "socket" else ()
    for transport in (address.transport, *others):
        trial = Target(target.address, transport, target.timeout, target.definitions)
        what = f"connect over {transport}"
        try:
            with trial.connect() as client:
                client.api.control_ping()
                version = client.api.show_version()
                facts = (
                    f"{version.program} {version.version}, "
                    f"{len(client.connection.message_table)} messages"
                )
                yield Finding("ok", what, facts)
                if transport == address.transport:
                    yield from _api(client)
        except VapiError as error:
            if transport != address.transport:
                advice = "programs that do not ask for it are not concerned"
                yield Finding("note", what, str(error), advice)
                return
            explain = _what_is_there if transport == "shm" else _what_answers
            yield Finding("bad", what, str(error), explain(error))
            return


def _what_answers(error: VapiError) -> str:
    """Where there was an answer, or the wait for one, the cause is not the path."""
    if isinstance(error, Timeout):
        return (
            "somebody accepts and does not answer: VPP's main thread is busy or stopped, or it is "
            "another socket of VPP (its command line has cli.sock, its statistics stats.sock)"
        )
    if isinstance(error, Incompatible | ConnectionLost) or "not a VPP" in str(error):
        return (
            "what answers does not speak VPP's API: name its api.sock, not cli.sock or stats.sock"
        )
    return ""


def _what_is_there(error: VapiError) -> str:
    """The same of regions, that are there whoever made them."""
    if isinstance(error, Timeout):
        return (
            "the files are there and nobody answers: VPP's main thread is busy or stopped, or VPP "
            "was killed and left them: systemctl restart vpp"
        )
    if isinstance(error, Incompatible):
        return 'connect(..., bell="/run/vpp/api.sock") names the API socket; or take that alone'
    return ""


def _api(client: object) -> Iterator[Finding]:
    """Whether definitions of the messages are at hand."""
    from .._client import Client

    assert isinstance(client, Client)
    callers = client.sources.callers(client.connection)
    if len(callers) < 10:
        yield Finding(
            "note",
            "definitions",
            "this VPP does not describe its API (it is older than 24.06)",
            "pass --api /usr/share/vpp/api",
        )
    else:
        yield Finding("ok", "definitions", f"{len(callers)} requests are described")


# ---- words ---------------------------------------------------------------------------------------


def _me() -> str:
    groups = " ".join(_group(number) for number in sorted({os.getgid(), *os.getgroups()}))
    return f"{_user(os.getuid())} (groups {groups})"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _name_of(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


def _vpp_processes() -> list[tuple[int, str]]:
    """Processes whose name says VPP: vpp, vpp_main."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            name = _name_of(int(path.name))
            if name in ("vpp", "vpp_main"):
                found.append((int(path.name), name))
    return sorted(found)


def _listed(processes: list[tuple[int, str]]) -> str:
    return ", ".join(f"{name} {pid}" for pid, name in processes[:4])


def _find_sockets() -> str:
    """Sockets of VPPs, as the kernel lists them."""
    try:
        lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    except OSError:
        return ""
    paths = {line.split()[-1] for line in lines if line.endswith("api.sock")}
    return f"Sockets of VPPs on this machine: {', '.join(sorted(paths)[:4])}" if paths else ""
