"""The sockets that gateways listen on. The supervisor binds them, so that the port is known and stays taken while a gateway
is restarted, and hands each to its process.

On Linux every gateway has a socket of its own on the same port (SO_REUSEPORT), and the kernel spreads the connections over
them. macOS gives them all to one of such sockets, so there all gateways share one socket and each takes what it can.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from typing import Final

from exchange.operations.errors import ExitCode, OperationError

TAKEN_LIMIT_S: Final = 3.0
"""For so long a port may still be held by the processes of an `exchange up` that was killed."""


def bind(address: str, count: int) -> list[socket.socket]:
    """Binds `count` sockets (at least 1) to HOST:PORT; they listen when a gateway serves them.

    Raises OperationError when the address cannot be had.
    """
    host, port = parse_address(address)
    try:
        family, _, _, _, target = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise OperationError(
            f"cannot find the address {address}: {error.strerror}", ExitCode.USAGE
        ) from error
    deadline = time.monotonic() + TAKEN_LIMIT_S
    while True:
        try:
            return _bind(family, target, count)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise OperationError(
                    f"cannot listen at {address}: {error.strerror}; --http HOST:PORT chooses another address,"
                    " port 0 a free one",
                    ExitCode.NOT_AVAILABLE,
                ) from error
            time.sleep(0.1)


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT or [IPV6]:PORT. Raises OperationError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise OperationError(f"{address!r} is not HOST:PORT, such as 127.0.0.1:8080", ExitCode.USAGE)
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - `:8080` asks for it


def address_of(bound: socket.socket) -> str:
    """HOST:PORT at which this machine reaches a bound socket."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - all interfaces, loopback among them
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bind(
    family: int, target: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes], count: int
) -> list[socket.socket]:
    # Without SO_REUSEPORT first: it would let us share the port with any other program of this user that uses it.
    first = _bound(family, target, shared=False)
    if count == 1 or sys.platform != "linux":
        return [first]
    target = first.getsockname()
    first.close()
    return [_bound(family, target, shared=True) for _ in range(count)]


def _bound(
    family: int, target: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes], *, shared: bool
) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(target)
    except BaseException:
        bound.close()
        raise
    return bound
