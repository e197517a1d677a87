"""The roster in SQLite or PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from safeborders.kit.errors import Conflict, NotFound
from safeborders.models.domain.audit import Operation
from safeborders.models.domain.countries import Country
from safeborders.server.registry.audit import event_of, record_event
from safeborders.server.registry.roster import NodeIdentity, RosterEntry, RosterState
from safeborders.server.registry.transactions import transaction
from safeborders.server.storage.tables import RevokedKeyRow, RosterRow


class SqlRoster:
    """Implements registry.roster.Roster on ``engine``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def request(self, country: Country, *, identity: NodeIdentity, now: datetime) -> None:
        """Note that ``country`` asks to join."""
        with transaction(self._engine) as session:
            row = session.get(RosterRow, country.value, with_for_update=True)
            if row is not None and row.state == RosterState.ENROLLED:
                raise Conflict("The country is enrolled: revoke it before it asks again.", country=country.value)
            _write(session, row, RosterEntry(country, RosterState.REQUESTED, identity, now))
            _tell(session, "member.request", country, key=identity.signing_key, at=now)

    def admit(self, country: Country, *, identity: NodeIdentity, now: datetime) -> None:
        """Enrol ``country`` with these keys; the same call twice changes nothing but the certificate."""
        with transaction(self._engine) as session:
            row = session.get(RosterRow, country.value, with_for_update=True)
            if row is not None and row.state == RosterState.ENROLLED and row.signing_key != identity.signing_key:
                raise Conflict("The country is enrolled with another key: revoke it first.", country=country.value)
            _write(session, row, RosterEntry(country, RosterState.ENROLLED, identity, now))
            _tell(session, "member.admit", country, key=identity.signing_key, at=now)

    def revoke(self, country: Country, *, now: datetime) -> None:
        """Refuse the keys of ``country`` from now on. Raises NotFound."""
        with transaction(self._engine) as session:
            row = _find(session, country)
            row.state, row.changed_at = RosterState.REVOKED, now
            session.merge(RevokedKeyRow(signing_key=row.signing_key, country=country.value, revoked_at=now))
            _tell(session, "member.revoke", country, key=row.signing_key, at=now)

    def set_flower_node(self, country: Country, *, node_id: str) -> None:
        """Remember the Flower node id of ``country``. Raises NotFound."""
        with transaction(self._engine) as session:
            _find(session, country).flower_node_id = node_id

    def get_entry(self, country: Country) -> RosterEntry:
        """Return the entry of ``country``. Raises NotFound."""
        with transaction(self._engine) as session:
            return _entry(_find(session, country))

    def list_roster(self) -> Sequence[RosterEntry]:
        """Return all entries, by country code."""
        with transaction(self._engine) as session:
            return [_entry(row) for row in session.scalars(select(RosterRow).order_by(RosterRow.country))]


def _tell(session: Session, action: str, country: Country, *, key: str, at: datetime) -> None:
    event = event_of(Operation.CONTROL, action, objects=(country.value,), facts={"key": key})
    record_event(session.connection(), event, at=at)


def _find(session: Session, country: Country) -> RosterRow:
    row = session.get(RosterRow, country.value, with_for_update=True)
    if row is None:
        raise NotFound("The country is not in the roster.", country=country.value)
    return row


def _write(session: Session, row: RosterRow | None, entry: RosterEntry) -> None:
    identity = entry.identity
    if session.get(RevokedKeyRow, identity.signing_key) is not None:
        raise Conflict("The key was revoked: the country must make a new one.", country=entry.country.value)
    if row is None:
        row = RosterRow(country=entry.country.value)
        session.add(row)
    row.state, row.changed_at = entry.state, entry.changed_at
    row.signing_key, row.flower_key = identity.signing_key, identity.flower_key
    row.certificate_sha256 = identity.certificate_sha256
    row.certificate_expires_at = identity.certificate_expires_at
    row.epsilon_cap = identity.epsilon_cap
    row.flower_node_id = identity.flower_node_id or row.flower_node_id


def _entry(row: RosterRow) -> RosterEntry:
    return RosterEntry(
        country=Country(row.country),
        state=RosterState(row.state),
        identity=NodeIdentity(
            signing_key=row.signing_key,
            flower_key=row.flower_key,
            certificate_sha256=row.certificate_sha256,
            certificate_expires_at=row.certificate_expires_at,
            epsilon_cap=row.epsilon_cap,
            flower_node_id=row.flower_node_id,
        ),
        changed_at=row.changed_at,
    )
