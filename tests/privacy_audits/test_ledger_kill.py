"""A real process on a real encrypted database, killed with SIGKILL again and again: nothing leaves uncharged."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from safeborders.kit.db import open_encrypted
from safeborders.node.storage.database import Place, open_store
from safeborders.node.storage.ledger_store import SqlLedgerStore
from safeborders.privacy.ledger import EntryState, PrivacyLedger
from sbtest import doomed_node

pytestmark = [pytest.mark.audit, pytest.mark.e2e]

KEY = "c3" * 32


def kill_again_and_again(folder: Path, *, care: str, kills: int) -> tuple[dict[int, set[str]], PrivacyLedger]:
    database, wire = folder / "node.db", folder / "wire"
    store = open_store(Place(path=database, key_hex=KEY))
    store.upgrade()
    store.close()
    command = [sys.executable, doomed_node.__file__, str(database), KEY, str(wire), care]
    support = str(Path(doomed_node.__file__).parent.parent)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": support}, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        for _ in range(kills):
            parent.stdin.write("next\n")
            parent.stdin.flush()
            doomed = int(parent.stdout.readline())
            time.sleep(random.uniform(0.0, 0.5))  # noqa: S311  # when to strike, not a secret
            os.kill(doomed, signal.SIGKILL)
            assert parent.stdout.readline() == "killed\n"
    left: dict[int, set[str]] = {}
    for line in wire.read_text(encoding="ascii").splitlines():
        number, digest = line.split()
        left.setdefault(int(number), set()).add(digest)
    ledger = PrivacyLedger(SqlLedgerStore(open_encrypted(database, key_hex=KEY)), cap_epsilon=1e9, delta=1e-5)
    return left, ledger


def test_killed_at_any_moment_every_round_that_left_is_in_the_ledger_and_left_as_one_payload(tmp_path: Path) -> None:
    left, ledger = kill_again_and_again(tmp_path, care="careful", kills=15)
    entries = ledger.list_entries()
    stored = {e.charge.round: e.payload_sha256 for e in entries if e.state is EntryState.STORED}
    reserved = [e.charge.round for e in entries if e.state is EntryState.RESERVED]
    assert len(left) >= 15
    assert len(reserved) == len(set(reserved)) >= len(left)
    assert all(digests == {stored[number]} for number, digests in left.items())
    assert ledger.spent_epsilon() > 0


def test_control_a_process_that_sends_before_it_charges_is_caught(tmp_path: Path) -> None:
    left, _ = kill_again_and_again(tmp_path, care="careless", kills=4)
    assert any(len(digests) > 1 for digests in left.values())
