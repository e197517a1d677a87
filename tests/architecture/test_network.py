"""No test reaches beyond this machine."""

import socket

import pytest


def test_another_machine_is_out_of_reach_and_loopback_is_not() -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
    with socket.socket() as client, pytest.raises(UserWarning, match="tried to use socket"):
        client.connect(("192.0.2.1", 443))  # RFC 5737: no machine has it
