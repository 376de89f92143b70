"""What a supervisor and its workers agree on; imports nothing of the server's."""

import signal
import socket
from pathlib import Path

BEAT = 1.0  # seconds between two bytes in a worker's pipe
# Asks for the stacks of all threads on standard error, before a worker that hangs is killed.
SHOW_STACKS = signal.SIGUSR2


def socket_of(folder: Path, index: int) -> str:
    """Where the other workers ask the one with that index, from 0."""
    return str(folder / f"{index}.sock")


def words_of(folder: Path, index: int) -> Path:
    """Where a worker writes why it ends; several must not write one termination log."""
    return folder / f"{index}.words"


def listener(host: str, port: int, *, shared: bool = True) -> socket.socket:
    """A socket bound to that address, which, if `shared`, other processes may bind as well. Raises
    `OSError`.
    """
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
