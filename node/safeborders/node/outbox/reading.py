"""The outbox as an operator sees it, read from the tables that decide what leaves; reading changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import NotFound
from safeborders.models.architecture import Catalogue
from safeborders.node.consent.inbox import Inbox
from safeborders.node.outbox.envelopes import EnvelopeStore
from safeborders.node.outbox.inspecting import (
    TensorView,
    architecture_of,
    is_under_masks,
    read_vector,
    view_tensors,
)
from safeborders.privacy.aggregation.session import SessionStore
from safeborders.privacy.agreement.decisions import DecisionJournal, Point
from safeborders.privacy.errors import ReleaseRefused
from safeborders.privacy.ledger import EntryState, LedgerEntry, LedgerStore


@dataclass(frozen=True)
class ChargedRound:
    """How far a charged round has come; ``size`` is 0 and ``payload_sha256`` empty while nothing is stored."""

    run: str
    round: int
    state: str
    at: datetime
    size: int
    payload_sha256: str
    is_held: bool


@dataclass(frozen=True)
class OutboxItem:
    """One update, with everything that surrounds its bytes.

    Attributes:
        payload: The bytes that will leave or left; None while nothing is stored.
        vector_is_known: Whether the noised numbers could be looked at here.
        clause: Of the newest decision that let an update of the run go; "" while there is none.
        envelopes: Header as it is signed, and signature; one for each time that the coordinator asked anew.
        ledger: The rows of the round in words.
    """

    charged: ChargedRound
    payload: bytes | None
    is_masked: bool
    vector_is_known: bool
    clause: str
    tensors: Sequence[TensorView]
    envelopes: Sequence[tuple[bytes, bytes]]
    ledger: Sequence[str]


class Outbox:
    """Reads the outbox.

    Args:
        ledger: Rows and payloads.
        inbox: For what is held.
        envelopes: What was signed.
        sessions: Rounds under masks.
        decisions: Of the agreement.
        catalogue: The models that are installed.
    """

    def __init__(  # house: an operator sees everything around an update, so everything is named
        self,
        ledger: LedgerStore,
        *,
        inbox: Inbox,
        envelopes: EnvelopeStore,
        sessions: SessionStore,
        decisions: DecisionJournal,
        catalogue: Catalogue,
    ) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._envelopes = envelopes
        self._sessions = sessions
        self._decisions = decisions
        self._catalogue = catalogue

    def list_rounds(self) -> list[ChargedRound]:
        """Return all charged rounds in the order in which they were charged."""
        with self._ledger.transaction() as step:
            rows = [row for row in step.list_entries(after=0) if row.state is not EntryState.REFUSED]
            last = {(row.charge.run, row.charge.round): row for row in rows}
            payloads = {place: step.find_payload(place[0], round_number=place[1]) for place in last}
        return [self._charged(row, payload=payloads[place]) for place, row in last.items()]

    def get_item(self, run: str, *, round_number: int) -> OutboxItem:
        """Return one round.

        Raises:
            NotFound: If it was never charged.
            ReleaseRefused: If the outbox does not hold what the ledger paid for.
        """
        with self._ledger.transaction() as step:
            rows = [
                row
                for row in step.list_entries(after=0)
                if (row.charge.run, row.charge.round) == (run, round_number) and row.state is not EntryState.REFUSED
            ]
            payload = step.find_payload(run, round_number=round_number)
        if not rows:
            raise NotFound("No such round was charged: see safeborders node outbox list.")
        charged = self._charged(rows[-1], payload=payload)
        if payload is not None and sha256_hex(payload) != charged.payload_sha256:
            raise ReleaseRefused("The outbox holds other bytes than the ledger paid for: restore the database.")
        is_masked = payload is not None and is_under_masks(payload)
        session = self._sessions.find_masked(run, round_number=round_number)
        architecture, vector = architecture_of(rows[0].charge.events, self._catalogue), None
        if payload is not None and architecture is not None:
            vector = read_vector(payload, length=architecture.update_length, session=session, is_masked=is_masked)
        return OutboxItem(
            charged=charged,
            payload=payload,
            is_masked=is_masked,
            vector_is_known=vector is not None,
            clause=self._clause(run),
            tensors=view_tensors(vector, architecture=architecture, events=rows[0].charge.events),
            envelopes=self._envelopes.list_envelopes(run, round_number=round_number),
            ledger=[f"row {row.number}, {row.state.value}, {row.at:%Y-%m-%d %H:%M:%S} UTC" for row in rows],
        )

    def _charged(self, row: LedgerEntry, *, payload: bytes | None) -> ChargedRound:
        is_waiting = row.state is EntryState.STORED and self._inbox.is_held(row.payload_sha256)
        return ChargedRound(
            run=row.charge.run,
            round=row.charge.round,
            state=row.state.value,
            at=row.at,
            size=0 if payload is None else len(payload),
            payload_sha256=row.payload_sha256,
            is_held=is_waiting,
        )

    def _clause(self, run: str) -> str:
        let_go = [
            one.clause
            for one in self._decisions.list_decisions()
            if (one.run, one.point, one.is_allowed) == (run, Point.SEND, True)
        ]
        return let_go[-1] if let_go else ""
