"""A wiretap for tests: every Python process that inherits it writes down what it sends and receives, before encryption.

Python imports this module at start when its folder is on PYTHONPATH; without SBTEST_WIRETAP it does nothing.
"""

import functools
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

_FOLDER = os.environ.get("SBTEST_WIRETAP")


def _tap(kind: type, name: str, *, sends: bool, write: Callable[[bytes], object]) -> None:
    original = getattr(kind, name)

    @functools.wraps(original)
    def tapped(self: Any, *arguments: Any, **options: Any) -> Any:
        if sends:
            write(bytes(arguments[0]))
            return original(self, *arguments, **options)
        result = original(self, *arguments, **options)
        if isinstance(result, bytes):
            write(result)
        else:  # received into a buffer
            buffer = next(part for part in (*arguments, *options.values()) if not isinstance(part, int | None))
            write(bytes(memoryview(buffer)[:result]))
        return result

    setattr(kind, name, tapped)


if _FOLDER:
    _file = open(os.path.join(_FOLDER, f"{os.getpid()}.bin"), "ab", buffering=0)  # noqa: SIM115  # open until the process ends
    for _kind in (ssl.SSLObject, ssl.SSLSocket):
        _tap(_kind, "read", sends=False, write=_file.write)
        _tap(_kind, "write", sends=True, write=_file.write)
    _tap(ssl.SSLSocket, "send", sends=True, write=_file.write)
    for _name, _sends in (("send", True), ("sendall", True), ("recv", False), ("recv_into", False)):
        _tap(socket.socket, _name, sends=_sends, write=_file.write)
