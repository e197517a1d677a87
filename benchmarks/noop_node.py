"""A node's process that learns nothing: it answers every order with zeros, signed with its country's key."""

import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.logs import set_up_logs
from safeborders.kit.signing import load_signing_key
from safeborders.models.protocol.messages import Kind, SignedMessage, sign_message
from safeborders.models.protocol.vectors import update_to_bytes
from safeborders.node.learning.connector import Connector, ConnectorConfig


@dataclass(frozen=True)
class NoopNodeConfig:
    """Args: the connection, the country's signing key, how long an update is, how long it takes, how it fails."""

    connection: ConnectorConfig
    signing_key: Path
    update_length: int
    seconds: float = 0.0
    failure: str = ""


def run_node(config: NoopNodeConfig, stop: threading.Event) -> None:
    """Answer until ``stop`` is set."""
    key = load_signing_key(config.signing_key)
    update = update_to_bytes(np.zeros(config.update_length, dtype=np.int64))

    def answer(message: SignedMessage) -> SignedMessage:
        time.sleep(config.seconds)
        if config.failure:
            raise ValueError(config.failure)
        training = message.header.kind is Kind.TRAIN
        payload = update if training else b""
        kind = Kind.UPDATE if training else Kind.RECEIPT
        header = message.header.model_copy(update={"kind": kind, "payload_sha256": sha256_hex(payload)})
        return sign_message(header, payload=payload, key=key)

    Connector(config.connection, answer=answer, released=lambda _: None).run(stop)


def main(arguments: list[str]) -> int:
    """Run the node that the file in ``arguments`` describes."""
    set_up_logs()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_node(FORM.validate_json(Path(arguments[0]).read_bytes()), stop)
    return 0


FORM = TypeAdapter(NoopNodeConfig)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
