"""Python imports this at its start wherever the folder is on PYTHONPATH: no process then reaches beyond this machine.

What tried it is written down too, for a library may pass over the refusal.
"""

import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import Any

_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname")


def _is_here(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _LOOKUPS:
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):  # others are of Unix sockets
        host = arguments[1][0]
    else:
        return
    if not _is_here(host):
        with Path(os.environ["NETWORK_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{' '.join(sys.argv)}: {event} {host!r}\n")
        raise PermissionError(f"no network here: {event} {host!r}")


sys.addaudithook(_refuse)
