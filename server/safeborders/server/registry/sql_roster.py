"""The roster in SQLite or PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, select
from sqlalchemy.orm import Session

from safeborders.kit.errors import Conflict, NotFound
from safeborders.models.domain.audit import Operation
from safeborders.models.domain.countries import Country
from safeborders.server.registry.audit import event_of, record_event
from safeborders.server.registry.roster import MemberCertificate, NodeIdentity, RosterEntry, RosterState
from safeborders.server.registry.transactions import transaction
from safeborders.server.storage.tables import MemberCertificateRow, RevokedKeyRow, RosterRow

_GOOD = MemberCertificateRow.revoked_at.is_(None)


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

    def admit(self, country: Country, *, identity: NodeIdentity, certificate: MemberCertificate, now: datetime) -> None:
        """Enrol ``country`` with these keys and one more certificate; the same call twice changes nothing."""
        with transaction(self._engine) as session:
            row = session.get(RosterRow, country.value, with_for_update=True)
            is_enrolled = row is not None and row.state == RosterState.ENROLLED
            if row is not None and is_enrolled and row.signing_key != identity.signing_key:
                raise Conflict("The country is enrolled with another key: revoke it first.", country=country.value)
            is_new = _add_certificate(session, certificate, now=now)
            if not is_enrolled:
                _write(session, row, RosterEntry(country, RosterState.ENROLLED, identity, now))
            if is_new or not is_enrolled:
                action = "member.renew" if is_enrolled else "member.admit"
                _tell(session, action, country, key=identity.signing_key, at=now)

    def revoke(self, country: Country, *, now: datetime) -> None:
        """Refuse the keys and all certificates of ``country`` from now on. Raises NotFound."""
        with transaction(self._engine) as session:
            row = _find(session, country)
            row.state, row.changed_at = RosterState.REVOKED, now
            session.merge(RevokedKeyRow(signing_key=row.signing_key, country=country.value, revoked_at=now))
            for held in _certificates(session, MemberCertificateRow.country == country.value, _GOOD):
                held.revoked_at = now
            _tell(session, "member.revoke", country, key=row.signing_key, at=now)

    def revoke_certificates(self, serials: Collection[str], *, now: datetime) -> Sequence[MemberCertificate]:
        """Refuse the certificates with these serial numbers from now on; return those that were good until now."""
        with transaction(self._engine) as session:
            rows = _certificates(session, MemberCertificateRow.serial.in_(list(serials)), _GOOD)
            for row in rows:
                row.revoked_at = now
                facts: dict[str, str | int] = {"certificate": row.sha256}
                event = event_of(Operation.CONTROL, "certificate.revoke", objects=(row.country,), facts=facts)
                record_event(session.connection(), event, at=now)
            return [_certificate(row) for row in rows]

    def list_certificates(self) -> Sequence[MemberCertificate]:
        """Return all certificates of enrolled countries, revoked ones too, by country."""
        with transaction(self._engine) as session:
            enrolled = select(RosterRow.country).where(RosterRow.state == RosterState.ENROLLED)
            return [_certificate(row) for row in _certificates(session, MemberCertificateRow.country.in_(enrolled))]

    def set_flower_node(self, country: Country, *, node_id: str) -> None:
        """Remember the Flower node id of ``country``. Raises NotFound."""
        with transaction(self._engine) as session:
            _find(session, country).flower_node_id = node_id

    def get_entry(self, country: Country) -> RosterEntry:
        """Return the entry of ``country``. Raises NotFound."""
        with transaction(self._engine) as session:
            return _entry(_find(session, country), certificates=_good_certificates(session))

    def list_roster(self) -> Sequence[RosterEntry]:
        """Return all entries, by country code."""
        with transaction(self._engine) as session:
            good = _good_certificates(session)
            rows = session.scalars(select(RosterRow).order_by(RosterRow.country))
            return [_entry(row, certificates=good) for row in rows]


def _certificates(session: Session, *conditions: ColumnElement[bool]) -> Sequence[MemberCertificateRow]:
    by_end = select(MemberCertificateRow).order_by(MemberCertificateRow.country, MemberCertificateRow.ends_at)
    return session.scalars(by_end.where(*conditions)).all()


def _good_certificates(session: Session) -> Mapping[str, MemberCertificate]:
    """Return of each country the certificate that ends last and was not revoked."""
    return {row.country: _certificate(row) for row in _certificates(session, _GOOD)}


def _add_certificate(session: Session, held: MemberCertificate, *, now: datetime) -> bool:
    """Keep a certificate; False if it was kept before. Raises Conflict if it was revoked."""
    row = session.get(MemberCertificateRow, held.sha256)
    if row is None:
        session.add(
            MemberCertificateRow(
                sha256=held.sha256,
                country=held.country.value,
                serial=held.serial,
                starts_at=held.starts_at,
                ends_at=held.ends_at,
                recorded_at=now,
                revoked_at=None,
            )
        )
        return True
    if row.revoked_at is not None:
        raise Conflict("The certificate was revoked: the country must ask for a new one.", country=row.country)
    return False


def _certificate(row: MemberCertificateRow) -> MemberCertificate:
    return MemberCertificate(
        country=Country(row.country),
        sha256=row.sha256,
        serial=row.serial,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        revoked_at=row.revoked_at,
    )


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
    if row.flower_key != identity.flower_key:
        row.flower_node_id = None  # Flower gives a new key a new number
    row.signing_key, row.flower_key = identity.signing_key, identity.flower_key
    row.epsilon_cap = identity.epsilon_cap
    row.flower_node_id = identity.flower_node_id or row.flower_node_id


def _entry(row: RosterRow, *, certificates: Mapping[str, MemberCertificate]) -> RosterEntry:
    return RosterEntry(
        country=Country(row.country),
        state=RosterState(row.state),
        identity=NodeIdentity(
            signing_key=row.signing_key,
            flower_key=row.flower_key,
            epsilon_cap=row.epsilon_cap,
            flower_node_id=row.flower_node_id,
        ),
        changed_at=row.changed_at,
        certificate=certificates.get(row.country),
    )
