"""A country's own checkpoints: signed, kept, compared with the log as it is now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import public_key_hex
from safeborders.kit.transparency.checkpoint import Checkpoint, parse_checkpoint
from safeborders.kit.transparency.merkle import MerkleTree
from safeborders.kit.transparency.verification import Verdict, verify_log
from safeborders.models.domain.countries import Country
from safeborders.node.audit.errors import LogDamaged
from safeborders.node.storage.audit import LOG, SqlAuditLog


@dataclass(frozen=True)
class LogIdentity:
    """Which log it is.

    Attributes:
        origin: Its name in checkpoints.
        log_key: Its public key, hexadecimal.
        witness_keys: Public key of each witness whose co-signatures count, by the name of its log.
    """

    origin: str
    log_key: str
    witness_keys: Mapping[str, str]


def origin_of(federation: str, country: Country) -> str:
    """Return the name of a country's log."""
    return f"safeborders/{'-'.join(federation.replace('+', ' ').split())}/{country.value}"


def sign_checkpoint(
    log: SqlAuditLog, *, identity: LogIdentity, key: Ed25519PrivateKey
) -> tuple[Checkpoint, MerkleTree]:
    """Return a checkpoint of the log as it is now, signed and kept, and the tree behind it.

    Raises:
        LogDamaged: If the log does not continue a checkpoint that was signed before: a fork is never signed.
    """
    if public_key_hex(key) != identity.log_key:
        raise ValueError("key must be the log's own.")
    with log.reading() as connection:
        tree = LOG.tree(connection)
        kept = LOG.checkpoints(connection)
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
    return [parse_checkpoint(note, log_key=identity.log_key, witness_keys=identity.witness_keys) for note in notes]


def verify(log: SqlAuditLog, *, identity: LogIdentity, others: Sequence[str] = ()) -> Verdict:
    """Check every row, and the log's checkpoints, its own and those in ``others`` that somebody else kept."""
    with log.reading() as connection:
        own = [note for _, note in LOG.checkpoints(connection)]
        checkpoints = parse_notes([*own, *others], identity=identity)
        return verify_log(LOG.entries(connection), checkpoints=checkpoints)
