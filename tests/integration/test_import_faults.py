"""Kill -9, a cut of the power and a full disk in the middle of an import: it is in whole or not at all, each time.

The power cut is simulated on SQLCipher's own files: what was written since the last synchronisation is on the disk in
any subset of its sectors. Before a commit was acknowledged that is the log's new part; in a checkpoint it is the
database itself, while the log is whole. Each control shows that the cuts do harm where the protection is missing.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlcipher3
from sqlalchemy import text

from safeborders.node.ingest.errors import IngestError
from safeborders.node.storage.bulk import DatabaseRefused
from safeborders.node.storage.database import Place, Store, open_store
from sbtest import doomed_import
from sbtest.import_files import (
    KEY,
    ROWS,
    apply,
    contents,
    copy_of,
    count,
    emptied,
    importer,
    make_template,
    people,
    write,
)

SECTOR = 512
PEOPLE = 4000  # three rows each: several batches
ENTITIES = 3 + 2 * PEOPLE


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("faults") / "template.db")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("file") / "big.jsonl", *people(PEOPLE))


def start(where: str, path: Path) -> "subprocess.Popen[bytes]":
    support = str(Path(doomed_import.__file__).parent.parent)
    command = [sys.executable, doomed_import.__file__, where, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": support})


def is_whole(path: Path) -> bool:
    """Tell whether the database at ``path`` opens and every page of it and every reference in it is right."""
    try:
        with closing(sqlcipher3.connect(str(path))) as connection:
            connection.execute(f"PRAGMA key=\"x'{KEY}'\"")
            whole = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return whole and not connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlcipher3.DatabaseError:
        return False


def kill_while_importing(where: str, path: Path, *, times: int) -> None:
    chance = random.Random(5)  # noqa: S311  # when to strike, not a secret
    for _ in range(times):
        with start(where, path) as child:
            assert child.stdout is not None
            if child.stdout.readline() != b"begun\n":
                return  # an earlier one came to its end before it was killed
            time.sleep(chance.uniform(0.0, 0.25))
            child.kill()


def check_is_absent_or_whole(store: Store, path: Path) -> None:
    found = count(store, "entity")
    assert (found, count(store, "import_run")) in {(3, 1), (ENTITIES, 2)}
    report = apply(store, path)  # a second call does it, or finds it done
    assert report.imported is (found == 3)
    assert (count(store, "entity"), count(store, "link")) == (ENTITIES, 2 + PEOPLE)


@pytest.mark.parametrize("times", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_any_moment_an_import_is_absent_or_whole(
    template: Path, big: Path, tmp_path: Path, times: int
) -> None:
    path = tmp_path / "country.db"
    with copy_of(template, path) as store:
        apply(store, write(tmp_path / "a.jsonl", *ROWS))
    kill_while_importing(str(path), big, times=times)
    assert is_whole(path)
    with closing_store(path) as store:
        check_is_absent_or_whole(store, big)
    assert is_whole(path)


@pytest.mark.postgres
@pytest.mark.parametrize("victim", ["importer", "backend"])
def test_on_postgresql_too_whoever_dies(server: str, big: Path, tmp_path: Path, victim: str) -> None:
    with emptied(server) as store:
        apply(store, write(tmp_path / "a.jsonl", *ROWS))
        if victim == "importer":
            kill_while_importing(server, big, times=2)
        else:
            end_backend_while_importing(store, server, big)
        store.engine.dispose()
        check_is_absent_or_whole(store, big)


_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend' AND state <> 'idle'
"""


def end_backend_while_importing(store: Store, server: str, path: Path) -> None:
    with start(server, path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        child.send_signal(signal.SIGSTOP)  # or a quick server has the import before its backend is ended
        with store.transaction() as connection:
            ended = list(connection.execute(text(_END_OTHERS)).scalars())
        child.send_signal(signal.SIGCONT)
        assert ended == [True]
        assert child.wait(30) != 0


def test_the_parser_dies_with_the_importer(template: Path, big: Path, tmp_path: Path) -> None:
    path = tmp_path / "country.db"
    shutil.copy(template, path)
    with start(str(path), big) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        (parser,) = children_of(child.pid)
        child.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{parser}/cmdline").exists() and Path(f"/proc/{parser}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


@pytest.fixture(scope="module")
def states(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the database and its log before an import, after its commit, and after the checkpoint."""
    folder = tmp_path_factory.mktemp("power")
    path, log = folder / "country.db", folder / "country.db-wal"
    with copy_of(template, path) as store:
        apply(store, write(folder / "a.jsonl", *ROWS))
        checkpoint(store, "TRUNCATE")
        with store.engine.execution_options(safeborders_reads=True).connect() as reader:
            reader.execute(text("SELECT count(*) FROM entity")).scalar_one()  # its snapshot holds the checkpoint up
            states = {"database": path.read_bytes(), "log before": log.read_bytes()}
            apply(store, write(folder / "b.jsonl", *people(60)))
            states["log after"] = log.read_bytes()
            assert path.read_bytes() == states["database"]
        checkpoint(store, "FULL")
        states["database after"] = path.read_bytes()
    return states


def checkpoint(store: Store, how: str) -> None:
    with closing(store.engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(f"PRAGMA wal_checkpoint({how})")


def cut(before: bytes, after: bytes, chance: random.Random) -> bytes:
    """Return what a disk may hold of ``after`` when the power went: each changed sector old or new, any length."""
    likely = chance.choice((0.02, 0.5, 0.98, 1.0))
    length = max(len(before), chance.choice((len(after), chance.randrange(len(after) + 1))))
    old, new = before.ljust(length, b"\0"), after[:length].ljust(length, b"\0")
    sectors = range(0, length, SECTOR)
    return b"".join((new if chance.random() < likely else old)[start : start + SECTOR] for start in sectors)[:length]


def entities_after(path: Path, database: bytes, log: bytes) -> int | None:
    """Return how many entities the database has that lies so on the disk; None when it is broken."""
    path.write_bytes(database)
    Path(f"{path}-wal").write_bytes(log)
    Path(f"{path}-shm").unlink(missing_ok=True)
    if not is_whole(path):
        return None
    with closing_store(path) as store:
        return count(store, "entity")


@pytest.mark.parametrize("cuts", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_after_a_power_cut_in_the_commit_an_import_is_absent_or_whole(
    states: dict[str, bytes], tmp_path: Path, cuts: int
) -> None:
    chance = random.Random(11)  # noqa: S311  # where to cut, not a secret
    before, after = states["log before"], states["log after"]
    found = [
        entities_after(tmp_path / "country.db", states["database"], cut(before, after, chance)) for _ in range(cuts)
    ]
    assert set(found) == {3, 123}  # both happen


@pytest.mark.parametrize("cuts", [15, pytest.param(300, marks=pytest.mark.slow)])
def test_after_a_power_cut_in_the_checkpoint_an_import_is_there_whole(
    states: dict[str, bytes], tmp_path: Path, cuts: int
) -> None:
    chance = random.Random(12)  # noqa: S311  # where to cut, not a secret
    before, after = states["database"], states["database after"]
    for _ in range(cuts):
        assert entities_after(tmp_path / "country.db", cut(before, after, chance), states["log after"]) == 123


def test_control_without_the_log_the_same_cuts_break_the_database(states: dict[str, bytes], tmp_path: Path) -> None:
    chance = random.Random(12)  # noqa: S311  # where to cut, not a secret
    torn = [cut(states["database"], states["database after"], chance) for _ in range(10)]
    assert None in [entities_after(tmp_path / "country.db", one, b"") for one in torn]


@contextmanager
def small_disk(folder: Path, *, kibibytes: int) -> Iterator[Path]:
    """Mount a small disk in memory at ``folder``."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs the rights of an administrator")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    "kibibytes", [1400, 2600, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1000, 7000, 500))]
)
def test_when_the_disk_is_full_nothing_is_lost_and_nothing_half_done(
    template: Path, big: Path, tmp_path: Path, kibibytes: int
) -> None:
    with small_disk(tmp_path / "disk", kibibytes=kibibytes) as disk:
        path = disk / "country.db"
        with copy_of(template, path) as store:
            apply(store, write(tmp_path / "a.jsonl", *ROWS))
            before = contents(store)
            with pytest.raises(DatabaseRefused, match="disk is full"):
                apply(store, big, rejects_folder=disk / "rejects")
            assert contents(store) == before
        assert is_whole(path)
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        with closing_store(path) as store:
            check_is_absent_or_whole(store, big)


def strike(_path: Path, _read: int) -> None:
    """Kill the parser."""
    for child in children_of(os.getpid()):
        os.kill(child, 9)


def test_a_parser_that_is_killed_refuses_its_file_and_no_more(template: Path, tmp_path: Path) -> None:
    with copy_of(template, tmp_path / "country.db") as store:
        check_killed_parser(store, write(tmp_path / "a.jsonl", *people(2 * PEOPLE)))  # a batch is left after the first


@pytest.mark.postgres
def test_on_postgresql_no_thread_waits_for_a_parser_that_is_killed(server: str, tmp_path: Path) -> None:
    with emptied(server) as store:
        before = threading.active_count()
        check_killed_parser(store, write(tmp_path / "a.jsonl", *people(4 * PEOPLE)))  # and one more is read ahead
        assert threading.active_count() == before


def check_killed_parser(store: Store, file: Path) -> None:
    with pytest.raises(IngestError) as refused:
        importer(store).apply(file, tell=strike)
    assert refused.value.code == "ingest.parser_stopped"
    assert count(store, "entity") == 0
    assert apply(store, file).imported


@contextmanager
def closing_store(path: Path) -> Iterator[Store]:
    store = open_store(Place(path=path, key_hex=KEY))
    try:
        yield store
    finally:
        store.close()
