"""The log in a database: a row is written in the caller's transaction, so that what it tells of and it are one.

A leaf keeps the hash of a record, and a chain over all leaves; the record itself stands beside it and may be erased
when its time is over, while the leaf stays (each record holds 128 random bits, so that an erased one cannot be guessed
back from its hash).
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    text,
)

from safeborders.kit.append_only import guard
from safeborders.kit.canonical import canonical_json
from safeborders.kit.transparency.checkpoint import Checkpoint, Cosignature
from safeborders.kit.transparency.merkle import MerkleTree, leaf_hash

NUMBER = "number"
SALT = "salt"
GENESIS = "0" * 64
"""The chain before the first leaf."""

LEAF_TAKEN = "NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit_leaf)"
CHECKPOINT_TAKEN = "EXISTS (SELECT 1 FROM audit_checkpoint WHERE size = NEW.size)"
COSIGNATURE_TAKEN = "EXISTS (SELECT 1 FROM audit_cosignature WHERE size = NEW.size AND witness = NEW.witness)"
_SALT_BYTES = 16
_PAGE_ROWS = 2000


@dataclass(frozen=True)
class LogTables:
    """The tables of one log.

    Attributes:
        leaf: Hash of each record and the chain over them; append-only.
        record: Canonical JSON of each record that is still kept.
        checkpoint: Signed notes of the log's own checkpoints; append-only.
        cosignature: What witnesses signed of them, one a witness and size; append-only.
        seen: What this side, as a witness, saw last of other logs.
    """

    leaf: Table
    record: Table
    checkpoint: Table
    cosignature: Table
    seen: Table


@dataclass(frozen=True)
class Entry:
    """One row of the log.

    Attributes:
        number: Counted from 1; leaf number - 1 of the tree.
        leaf: Hash of the record, hexadecimal.
        chain: Hash over all leaves so far, hexadecimal.
        content: The record as it was hashed; None when it was erased.
    """

    number: int
    leaf: str
    chain: str
    content: str | None


def define_tables(metadata: MetaData) -> LogTables:
    """Add the tables of a log to ``metadata``."""
    leaf = Table(
        "audit_leaf",
        metadata,
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("leaf", String(64), nullable=False),
        Column("chain", String(64), nullable=False),
    )
    record = Table(
        "audit_record",
        metadata,
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("content", Text, nullable=False),
    )
    checkpoint = Table(
        "audit_checkpoint",
        metadata,
        Column("size", Integer, primary_key=True, autoincrement=False),
        Column("note", Text, nullable=False),
    )
    cosignature = Table(
        "audit_cosignature",
        metadata,
        Column("size", Integer, primary_key=True, autoincrement=False),
        Column("witness", String(255), primary_key=True),
        Column("at", BigInteger, nullable=False),
        Column("signature", String(128), nullable=False),
    )
    seen = Table(
        "audit_seen",
        metadata,
        Column("origin", String(255), primary_key=True),
        Column("size", Integer, nullable=False),
        Column("root", String(64), nullable=False),
    )
    guard(leaf, taken=LEAF_TAKEN)
    guard(checkpoint, taken=CHECKPOINT_TAKEN)
    guard(cosignature, taken=COSIGNATURE_TAKEN)
    return LogTables(leaf=leaf, record=record, checkpoint=checkpoint, cosignature=cosignature, seen=seen)


class SqlLog:
    """Appends to and reads the log in the transactions of its callers.

    Args:
        tables: Where it is.
    """

    def __init__(self, tables: LogTables) -> None:
        self._tables = tables

    def append(self, connection: Connection, record: Mapping[str, object]) -> int:
        """Write ``record`` and return its number; it counts when the transaction of ``connection`` is kept.

        Args:
            connection: In a transaction that may write.
            record: JSON values; no content of a case. ``number`` and ``salt`` are added.
        """
        leaves = self._tables.leaf
        if connection.dialect.name == "postgresql":  # SQLite's write transactions are one at a time already
            connection.execute(text("LOCK TABLE audit_leaf IN SHARE ROW EXCLUSIVE MODE"))
        last = connection.execute(
            select(leaves.c.number, leaves.c.chain).order_by(leaves.c.number.desc()).limit(1)
        ).first()
        number, chain = (last.number + 1, last.chain) if last else (1, GENESIS)
        content = canonical_json({**record, NUMBER: number, SALT: secrets.token_hex(_SALT_BYTES)})
        leaf = leaf_hash(content).hex()
        connection.execute(insert(leaves).values(number=number, leaf=leaf, chain=next_chain(chain, leaf=leaf)))
        connection.execute(insert(self._tables.record).values(number=number, content=content.decode()))
        return int(number)

    def tree(self, connection: Connection, *, size: int | None = None) -> MerkleTree:
        """Return the Merkle tree over the first ``size`` leaves (all by default)."""
        leaves = self._tables.leaf
        wanted = select(leaves.c.leaf).order_by(leaves.c.number)
        wanted = wanted if size is None else wanted.where(leaves.c.number <= size)
        return MerkleTree(bytes.fromhex(leaf) for leaf in connection.scalars(wanted))

    def entries(self, connection: Connection, *, first: int = 1, last: int | None = None) -> Iterator[Entry]:
        """Yield the rows from number ``first`` to ``last`` in order, in memory that does not grow with the log."""
        leaves, records = self._tables.leaf, self._tables.record
        wanted = (
            select(leaves.c.number, leaves.c.leaf, leaves.c.chain, records.c.content)
            .select_from(leaves.outerjoin(records, leaves.c.number == records.c.number))
            .order_by(leaves.c.number)
            .limit(_PAGE_ROWS)
        )
        wanted = wanted if last is None else wanted.where(leaves.c.number <= last)
        while page := connection.execute(wanted.where(leaves.c.number >= first)).all():
            for row in page:
                yield Entry(number=row.number, leaf=row.leaf, chain=row.chain, content=row.content)
            first = page[-1].number + 1

    def keep_checkpoint(self, connection: Connection, *, size: int, note: str) -> None:
        """Keep the signed note of a checkpoint of this log."""
        connection.execute(insert(self._tables.checkpoint).values(size=size, note=note))

    def checkpoints(self, connection: Connection) -> list[tuple[int, str]]:
        """Return size and signed note of every checkpoint that was kept, by size."""
        kept = self._tables.checkpoint
        return [(row.size, row.note) for row in connection.execute(select(kept).order_by(kept.c.size))]

    def keep_cosignature(self, connection: Connection, *, size: int, witness: str, given: Cosignature) -> None:
        """Keep what a witness signed of the checkpoint at ``size``."""
        values = {"size": size, "witness": witness, "at": given.at, "signature": given.signature.hex()}
        connection.execute(insert(self._tables.cosignature).values(**values))

    def cosignatures(self, connection: Connection, *, size: int) -> list[tuple[str, Cosignature]]:
        """Return witness and co-signature of everyone who signed the checkpoint at ``size``."""
        kept = self._tables.cosignature
        rows = connection.execute(select(kept).where(kept.c.size == size).order_by(kept.c.witness))
        return [(row.witness, Cosignature(at=row.at, signature=bytes.fromhex(row.signature))) for row in rows]


def next_chain(chain: str, *, leaf: str) -> str:
    """Return the chain after one more leaf; all three in hexadecimal."""
    return hashlib.sha256(bytes.fromhex(chain) + bytes.fromhex(leaf)).hexdigest()


def record_of(entry: Entry) -> Mapping[str, object]:
    """Return the record of ``entry``; empty when it was erased."""
    read: Mapping[str, object] = json.loads(entry.content) if entry.content is not None else {}
    return read


def is_continued_by(tree: MerkleTree, checkpoint: Checkpoint) -> bool:
    """Tell whether ``tree`` holds, as its beginning, the history that ``checkpoint`` names."""
    return checkpoint.size <= len(tree) and tree.root(checkpoint.size) == checkpoint.root
