"""The audit log for a supervisory authority: read, verified and proved from outside, without a key of the node.

Rows hold identifiers, codes and hashes alone (models.domain.audit), so whoever reads them learns what was done, by
which token, for which case, and nothing that a record says. What is proved is proved against the newest checkpoint that
the node signed and kept; the API's process signs nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from safeborders.kit.errors import NotFound
from safeborders.kit.transparency.checkpoint import Checkpoint
from safeborders.kit.transparency.errors import NoSuchRow
from safeborders.kit.transparency.export import Wanted, export_lines
from safeborders.kit.transparency.identity import LogIdentity
from safeborders.kit.transparency.keeping import Witnessed, cosigned_checkpoint, find_witnessed, parse_notes, verify
from safeborders.kit.transparency.sql_log import NUMBER, SALT, record_of
from safeborders.kit.transparency.stored import StoredLog
from safeborders.kit.transparency.verification import Verdict


@dataclass(frozen=True)
class LogRow:
    """One row; ``record`` is empty where its time was over and it was erased."""

    number: int
    record: Mapping[str, object]


class LogReader:
    """Reads one log.

    Args:
        log: The log.
        identity: Gives its name, its public key and those of its witnesses.
    """

    def __init__(self, log: StoredLog, *, identity: Callable[[], LogIdentity]) -> None:
        self._log = log
        self._identity = identity

    def list_rows(self, *, after: int, most: int, wanted: Wanted) -> Sequence[LogRow]:
        """Return at most ``most`` rows behind number ``after`` that are ``wanted``, in order."""
        with self._log.reading() as connection:
            entries = self._log.rows.entries(connection, first=after + 1)
            rows = (LogRow(entry.number, _without_salt(record_of(entry))) for entry in entries)
            return list(islice((row for row in rows if not row.record or wanted(row.record)), most))

    def verify(self) -> tuple[Verdict, Witnessed]:
        """Return whether every row is as it was written, and who else has seen the log. Raises CheckpointRefused."""
        identity = self._identity()
        return verify(self._log, identity=identity), find_witnessed(self._log, identity=identity)

    def newest_checkpoint(self) -> str:
        """Return the newest signed note with its co-signatures. Raises NotFound if the node has signed none yet."""
        identity = self._identity()
        return self._newest(identity).to_text(log_key=identity.log_key, witness_keys=identity.witness_keys)

    def export(self, wanted: Wanted) -> Iterator[str]:
        """Return the lines of an export of the ``wanted`` rows below the newest checkpoint. Raises NotFound."""
        identity = self._identity()
        return self._lines(self._newest(identity), identity=identity, first=1, wanted=wanted)

    def prove(self, number: int) -> Iterator[str]:
        """Return the lines that prove one row.

        Raises:
            NotFound: If the node has signed no checkpoint yet.
            NoSuchRow: If the row is above the newest checkpoint, or was erased.
        """
        identity = self._identity()
        checkpoint = self._newest(identity)
        with self._log.reading() as connection:
            entries = list(self._log.rows.entries(connection, first=number, last=min(number, checkpoint.size)))
        if not entries or entries[0].content is None:
            raise NoSuchRow(f"No row {number} is kept below the newest checkpoint, which is at {checkpoint.size} rows.")
        return self._lines(checkpoint, identity=identity, first=number, wanted=lambda row: row[NUMBER] == number)

    def _newest(self, identity: LogIdentity) -> Checkpoint:
        with self._log.reading() as connection:
            notes = [note for _, note in self._log.rows.checkpoints(connection)[-1:]]
        if not notes:
            raise NotFound("The node has signed no checkpoint yet: its operator makes one with audit checkpoint.")
        (checkpoint,) = parse_notes(notes, identity=identity)
        return cosigned_checkpoint(self._log, checkpoint)

    def _lines(self, checkpoint: Checkpoint, *, identity: LogIdentity, first: int, wanted: Wanted) -> Iterator[str]:
        with self._log.reading() as connection:
            tree = self._log.rows.tree(connection, size=checkpoint.size)
            last = checkpoint.size if first == 1 else first
            entries = self._log.rows.entries(connection, first=first, last=last)
            yield from export_lines(entries, checkpoint=checkpoint, tree=tree, identity=identity, wanted=wanted)


def _without_salt(record: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in record.items() if name not in {NUMBER, SALT}}
