"""A log's own checkpoints: signed, kept, compared with the log as it is now, and who co-signed them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import public_key_hex
from safeborders.kit.transparency.checkpoint import Checkpoint, CheckpointRefused, parse_checkpoint
from safeborders.kit.transparency.errors import LogDamaged
from safeborders.kit.transparency.identity import LogIdentity
from safeborders.kit.transparency.merkle import MerkleTree
from safeborders.kit.transparency.stored import StoredLog
from safeborders.kit.transparency.verification import Verdict, verify_log


@dataclass(frozen=True)
class Witnessed:
    """The newest checkpoint that anybody co-signed.

    Attributes:
        size: Its size; 0 when none was ever co-signed.
        at: When the last of the witnesses signed, in whole seconds of Unix time; 0 likewise.
        by: Names of the logs of those who signed.
        of: How many witnesses there are.
    """

    size: int
    at: int
    by: tuple[str, ...]
    of: int

    @property
    def quorum(self) -> int:
        """Fewest that count: more than half, so that two quorums always share a witness."""
        return self.of // 2 + 1

    @property
    def is_enough(self) -> bool:
        """Whether so many signed that no other history of the log can have as many."""
        return self.of > 0 and len(self.by) >= self.quorum


def sign_checkpoint(log: StoredLog, *, identity: LogIdentity, key: Ed25519PrivateKey) -> tuple[Checkpoint, MerkleTree]:
    """Return a checkpoint of the log as it is now, signed and kept, and the tree behind it.

    Raises:
        LogDamaged: If the log does not continue a checkpoint that was signed before: a fork is never signed.
    """
    if public_key_hex(key) != identity.log_key:
        raise ValueError("key must be the log's own.")
    with log.reading() as connection:
        tree = log.rows.tree(connection)
        kept = log.rows.checkpoints(connection)
    for one in parse_notes((note for _, note in kept), identity=identity):
        if one.size > len(tree) or tree.root(one.size) != one.root:
            raise LogDamaged(
                "The audit log does not continue its last checkpoint, so no new one is signed: run audit verify."
            )
    checkpoint = Checkpoint.sign(identity.origin, size=len(tree), root=tree.root(), key=key)
    if not kept or kept[-1][0] < len(tree):
        log.keep_checkpoint(size=len(tree), note=checkpoint.to_text(log_key=identity.log_key, witness_keys={}))
    return checkpoint, tree


def parse_notes(notes: Iterable[str], *, identity: LogIdentity) -> list[Checkpoint]:
    """Return the checkpoints in ``notes``. Raises CheckpointRefused if one is not signed by the log."""
    return [_parse(note, identity=identity) for note in notes]


def _parse(note: str, *, identity: LogIdentity) -> Checkpoint:
    """Return the checkpoint in ``note``, signed with the log's key or with one that it had before."""
    for key in identity.former_keys:
        try:
            return parse_checkpoint(note, log_key=key, witness_keys=identity.witness_keys)
        except CheckpointRefused:
            continue
    return parse_checkpoint(note, log_key=identity.log_key, witness_keys=identity.witness_keys)


def verify(log: StoredLog, *, identity: LogIdentity, others: Sequence[str] = ()) -> Verdict:
    """Check every row, and the log's checkpoints, its own and those in ``others`` that somebody else kept."""
    with log.reading() as connection:
        own = [note for _, note in log.rows.checkpoints(connection)]
        checkpoints = parse_notes([*own, *others], identity=identity)
        return verify_log(log.rows.entries(connection), checkpoints=checkpoints)


def cosigned_checkpoint(log: StoredLog, checkpoint: Checkpoint) -> Checkpoint:
    """Return ``checkpoint`` with the co-signatures that are kept of it."""
    with log.reading() as connection:
        for name, given in log.rows.cosignatures(connection, size=checkpoint.size):
            checkpoint = checkpoint.with_cosignature(name, given)
    return checkpoint


def find_witnessed(log: StoredLog, *, identity: LogIdentity) -> Witnessed:
    """Return the newest checkpoint with a co-signature that holds, and whose they are."""
    with log.reading() as connection:
        own = [note for _, note in log.rows.checkpoints(connection)]
    for checkpoint in reversed(parse_notes(own, identity=identity)):
        signed = cosigned_checkpoint(log, checkpoint)
        by = tuple(name for name, key in sorted(identity.witness_keys.items()) if signed.is_cosigned_by(name, key))
        if by:
            at = max(signed.cosignatures[name].at for name in by)
            return Witnessed(size=signed.size, at=at, by=by, of=len(identity.witness_keys))
    return Witnessed(size=0, at=0, by=(), of=len(identity.witness_keys))
