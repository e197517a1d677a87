"""Processes that answer rounds on a real database until they are killed: ``doomed_node.py DB KEY WIRE CARE``.

Each line on standard input starts one, forked from this one so that none has to import, to compile and to learn the
price anew. The wire is a file that stands for the world outside: a line is there once the bytes have left, whatever
happens next.
"""

import hashlib
import os
import sys
from pathlib import Path

from safeborders.kit.db import open_encrypted
from safeborders.node.storage.ledger_store import SqlLedgerStore
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.errors import LostReservation
from safeborders.privacy.ledger import PrivacyLedger
from sbtest.ledger import make_charge


def main(database: Path, *, key: str, wire: Path, careful: bool) -> None:
    """Start one process after another, the next when the one before has been killed."""
    epsilon(make_charge("run", 1, noise=1e4).events, delta=1e-5)
    discrete_gaussian(1, deviation=2**20)  # compiled once
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            answer_rounds(database, key=key, wire=wire, careful=careful)
        os.waitpid(child, 0)
        print("killed", flush=True)  # noqa: T201  # the parent waits for it


def answer_rounds(database: Path, *, key: str, wire: Path, careful: bool) -> None:
    """Answer round after round; go on after the last round of the ledger, and ask for that one again first."""
    ledger = PrivacyLedger(SqlLedgerStore(open_encrypted(database, key_hex=key)), cap_epsilon=1e9, delta=1e-5)
    outside = os.open(wire, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    number = max((entry.charge.round for entry in ledger.list_entries()), default=1)
    print(os.getpid(), flush=True)  # noqa: T201  # the parent waits for it
    parent = os.getppid()
    while os.getppid() == parent:
        charge = make_charge("run", number, noise=1e4)
        if careful:
            _answer(ledger, number, outside)
        else:  # the control: out first, then into the books
            _send(outside, number, discrete_gaussian(50, deviation=2**20).tobytes())
            ledger.reserve(charge)
        number += 1


def _answer(ledger: PrivacyLedger, number: int, outside: int) -> None:
    reservation = ledger.reserve(make_charge("run", number, noise=1e4))
    if reservation.is_new:
        ledger.store(reservation, payload=discrete_gaussian(50, deviation=2**20).tobytes())
    try:
        payload = ledger.get_payload("run", round_number=number)
    except LostReservation:
        return
    _send(outside, number, payload)
    ledger.release("run", round_number=number)


def _send(outside: int, number: int, payload: bytes) -> None:
    os.write(outside, f"{number} {hashlib.sha256(payload).hexdigest()}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), key=sys.argv[2], wire=Path(sys.argv[3]), careful=sys.argv[4] == "careful")
