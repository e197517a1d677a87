"""A country's part in watching logs: it shows its own, co-signs others', and keeps what others signed of its own.

The coordinator carries the notes and is believed in nothing: each note is checked with the roster's keys, each history
against what this country saw before, and a co-signature that does not come back is noticed.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.clock import Clock
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.logs import get_log
from safeborders.kit.signing import public_key_hex
from safeborders.kit.transparency.checkpoint import Checkpoint, CheckpointRefused, Cosignature
from safeborders.kit.transparency.identity import LogIdentity
from safeborders.kit.transparency.keeping import find_witnessed, sign_checkpoint
from safeborders.kit.transparency.stored import SqlWitnessMemory
from safeborders.kit.transparency.witness import HistoryForked, HistoryUnknown, Witness
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import Kind, SignedMessage, answer_to, check_order
from safeborders.models.protocol.refusals import Refusal
from safeborders.models.protocol.roster import KeyRole, Roster, RosterRefused
from safeborders.models.protocol.witnessing import (
    Finding,
    Findings,
    Notes,
    Proof,
    Statement,
    Statements,
    Wanted,
    log_identity,
    parse_note,
    parse_payload,
    to_payload,
)
from safeborders.node.storage.audit import TABLES, SqlAuditLog

_ACTOR = "node"
_log = get_log("watcher")


@dataclass(frozen=True)
class Membership:
    """Who this country is in the federation.

    Attributes:
        federation: Its name.
        country: Our own.
        key: Our signing key; it signs the own log's checkpoints and every answer.
        coordinator_key: Public, hexadecimal.
        auditor: Our key for co-signatures; it is used once the roster names it, and the signing key until then.
        former_keys: Public signing keys that we had before, for our own older checkpoints.
    """

    federation: str
    country: Country
    key: Ed25519PrivateKey
    coordinator_key: str
    auditor: Ed25519PrivateKey
    former_keys: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Name the class alone: a key is never shown."""
        return "<Membership>"


class Watcher:
    """Answer the orders about logs.

    Args:
        own: Who we are.
        log: Our own log; what a witness saw is kept beside it.
        roster: Gives the roster in force.
        clock: The time.
    """

    def __init__(self, own: Membership, *, log: SqlAuditLog, roster: Callable[[], Roster], clock: Clock) -> None:
        self._own = own
        self._log = log
        self._roster = roster
        self._clock = clock
        self._memory = SqlWitnessMemory(log.engine, TABLES)
        self._given: dict[str, int] = {}
        self._lock = threading.Lock()

    def answer(self, message: SignedMessage) -> SignedMessage:
        """Return the signed answer to an order about logs.

        Raises:
            MessageRefused: If it is not the coordinator's, not for us, or malformed.
            RosterRefused: If there is no roster to take keys from.
            LogDamaged: If the own log does not continue its own checkpoints; it is never signed then.
            EventNotRecorded: If what is done cannot be recorded; nothing is signed then.
        """
        own = self._own
        check_order(message, coordinator_key=own.coordinator_key, federation=own.federation, country=own.country)
        with self._lock:
            match message.header.kind:
                case Kind.CHECKPOINT:
                    payload = self._state(parse_payload(message.payload, kind=Wanted))
                case Kind.WITNESS:
                    payload = self._examine(parse_payload(message.payload, kind=Statements))
                case _:
                    payload = self._receive(parse_payload(message.payload, kind=Notes))
        return answer_to(message, payload=payload, key=own.key)

    def _state(self, wanted: Wanted) -> bytes:
        """Sign the own log as it is now, and prove that it continues what others saw of it."""
        identity = self._identity()
        self._record("audit.state", facts={})
        checkpoint, tree = sign_checkpoint(self._log, identity=identity, key=self._own.key)
        sizes = sorted({size for size in wanted.sizes.get(identity.origin, ()) if 0 < size <= checkpoint.size})
        proofs = tuple(
            Proof(old=old, path=tuple(digest.hex() for digest in tree.consistency_proof(old, size=checkpoint.size)))
            for old in sizes
        )
        note = checkpoint.to_text(log_key=identity.log_key, witness_keys={})
        return to_payload(Statement(note=note, proofs=proofs))

    def _examine(self, shown: Statements) -> bytes:
        """Co-sign what continues; a row tells of each fork before anything is answered."""
        roster, own = self._roster(), self._identity().origin
        witness = self._witness(roster)
        self._record("audit.witness", facts={"logs": len(shown.statements)})
        findings = []
        for statement in shown.statements:
            try:
                checkpoint, identity = parse_note(statement.note, roster=roster)
            except (CheckpointRefused, RosterRefused) as error:
                _log.error("checkpoint_refused", code=error.code, reason=error.message)
                self._record("audit.checkpoint", facts={}, outcome=error.code)
                continue
            if checkpoint.origin == own:
                continue
            old = witness.seen_of(checkpoint.origin)
            try:
                given = witness.cosign(
                    checkpoint, log_key=identity.log_key, old=_offered(statement, old), proof=statement.path_from(old)
                )
            except HistoryUnknown:
                findings.append(_refuse(checkpoint, seen=old, refusal=Refusal.HISTORY_UNKNOWN))
            except HistoryForked as error:
                self._tell_of_fork(checkpoint.origin, size=checkpoint.size, seen=old, error=error)
                findings.append(_refuse(checkpoint, seen=old, refusal=Refusal.HISTORY_FORKED))
            else:
                self._given[checkpoint.origin] = checkpoint.size
                findings.append(_sign(checkpoint, given))
        return to_payload(Findings(findings=tuple(findings)))

    def _receive(self, brought: Notes) -> bytes:
        """Keep what others signed of the own log; notice every co-signature that was dropped or set back."""
        roster, own = self._roster(), self._identity()
        missing = dict(self._given)
        for note in brought.notes:
            try:
                checkpoint, identity = parse_note(note, roster=roster)
            except (CheckpointRefused, RosterRefused) as error:
                _log.error("checkpoint_refused", code=error.code, reason=error.message)
                continue
            if checkpoint.origin == own.origin:
                self._log.keep_cosignatures(checkpoint, witness_keys=own.witness_keys)
            elif checkpoint.size == missing.get(checkpoint.origin) and checkpoint.is_cosigned_by(
                own.origin, identity.witness_keys.get(own.origin, "")
            ):
                del missing[checkpoint.origin]
        self._given.clear()
        for origin, size in sorted(missing.items()):
            _log.error("cosignature_dropped", origin=origin, size=size)
            self._record("audit.cosignature_dropped", facts={"size": size}, objects=(origin,), outcome="missing")
        self._look_at_own(own)
        return b""

    def _look_at_own(self, own: LogIdentity) -> None:
        """Say so when the newest checkpoint did not come back with a quorum: others cannot vouch for it."""
        with self._log.reading() as connection:
            newest = self._log.rows.checkpoints(connection)[-1:]
        found = find_witnessed(self._log, identity=own)
        if newest and (found.size != newest[0][0] or not found.is_enough):
            _log.warning("checkpoint_not_cosigned", size=newest[0][0], cosigned=found.size, by=len(found.by))
            facts: dict[str, str | int] = {"size": newest[0][0], "cosigned": found.size, "witnesses": len(found.by)}
            self._record("audit.not_cosigned", facts=facts, outcome="missing")

    def _tell_of_fork(self, origin: str, *, size: int, seen: int, error: SafeBordersError) -> None:
        _log.critical("history_forked", origin=origin, size=size, seen=seen, reason=error.message)
        self._record("audit.fork", facts={"size": size, "seen": seen}, objects=(origin,), outcome=error.code)

    def _record(
        self, action: str, *, facts: dict[str, str | int], objects: tuple[str, ...] = (), outcome: str = "done"
    ) -> None:
        event = AuditEvent(
            Operation.CONTROL, action=action, actor=_ACTOR, outcome=outcome, objects=objects, facts=facts
        )
        self._log.record(event, at=self._clock())

    def _witness(self, roster: Roster) -> Witness:
        """Return who co-signs: under the key that the roster names for us, or nobody would count it."""
        listed = roster.keys(KeyRole.AUDITOR).get(self._own.country.value)
        has_own = listed == public_key_hex(self._own.auditor)
        return Witness(self._own.auditor if has_own else self._own.key, memory=self._memory, clock=self._clock)

    def _identity(self) -> LogIdentity:
        own = self._own
        log_key = own.key.public_key().public_bytes_raw().hex()
        identity = log_identity(own.federation, own.country.value, log_key=log_key, roster=self._roster())
        return replace(identity, former_keys=own.former_keys)


def _offered(statement: Statement, old: int) -> int:
    """Return ``old`` if a proof from it came (or none is needed), else another size, which is then asked for anew."""
    size = int(statement.note.split("\n")[1])
    return old if old in {size, *(proof.old for proof in statement.proofs)} else -1


def _sign(checkpoint: Checkpoint, given: Cosignature) -> Finding:
    signature, size = given.signature.hex(), checkpoint.size
    return Finding(origin=checkpoint.origin, size=size, seen=size, at=given.at, signature=signature)


def _refuse(checkpoint: Checkpoint, *, seen: int, refusal: Refusal) -> Finding:
    return Finding(origin=checkpoint.origin, size=checkpoint.size, seen=seen, refusal=refusal.value)
