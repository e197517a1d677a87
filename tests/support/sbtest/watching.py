"""Nine countries with real logs and real witnesses, and a coordinator that carries; the transport may be bent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.db import open_url
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.signing import public_key_hex
from safeborders.kit.transparency.identity import LogIdentity
from safeborders.kit.transparency.sql_log import record_of
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.messages import EMPTY_SHA256, Header, Kind, SignedMessage, sign_message
from safeborders.models.protocol.roster import MemberKeys, Roster
from safeborders.models.protocol.witnessing import log_identity
from safeborders.node.audit.watcher import Membership, Watcher
from safeborders.node.storage.audit import TABLES, SqlAuditLog
from safeborders.node.storage.base import Base
from safeborders.server.federation.watch import LogWatch
from safeborders.server.registry.audit import CoordinatorLog
from safeborders.server.storage.opening import open_registry_database

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
Carry = Callable[[Country, Kind, bytes], bytes]
"""What reaches a country of what the coordinator sends."""


@dataclass
class WatchedFederation:
    """Everybody's keys, logs and watchers; ``look`` is one exchange of checkpoints."""

    folder: Path
    federation: str = "demo"
    keys: Mapping[Country, Ed25519PrivateKey] = field(
        default_factory=lambda: {country: Ed25519PrivateKey.generate() for country in DEMONSTRATION}
    )
    coordinator: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    carry: Carry | None = None
    auditors: dict[Country, Ed25519PrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = START
        members = {country.value: key for country, key in self.keys.items()} | {COORDINATOR: self.coordinator}
        self.roster = Roster(
            federation=self.federation,
            version=1,
            expires_at=START + timedelta(days=90),
            members={name: MemberKeys(agreement="0" * 64, node=public_key_hex(key)) for name, key in members.items()},
            threshold=7,
            sha256="5" * 64,
        )
        self.logs = {country: self._make_log(country) for country in self.keys}
        self.watchers = {country: self.make_watcher(country) for country in self.keys}
        self.own_log = CoordinatorLog(
            _without_sync(open_registry_database(f"sqlite:///{self.folder / 'coordinator_test.db'}"))
        )
        self.watch = self.make_watch()
        self.sent: list[tuple[Kind, bytes]] = []
        self.refused: list[str] = []

    def _make_log(self, country: Country) -> SqlAuditLog:
        engine = _without_sync(open_url(f"sqlite:///{self.folder / f'{country.value}_test.db'}"))
        tables = [TABLES.leaf, TABLES.record, TABLES.checkpoint, TABLES.cosignature, TABLES.seen]
        Base.metadata.create_all(engine, tables=tables)
        log = SqlAuditLog(engine)
        for number in range(4):
            log.record(look_up(number), at=self.now)
        return log

    def make_watcher(self, country: Country) -> Watcher:
        """Return the watcher of a country, as after a restart: only what is on disk is known."""
        own = Membership(
            self.federation,
            country,
            key=self.keys[country],
            coordinator_key=public_key_hex(self.coordinator),
            auditor=self.auditors.get(country, self.keys[country]),
        )
        return Watcher(own, log=self.logs[country], roster=lambda: self.roster, clock=lambda: self.now)

    def make_watch(self) -> LogWatch:
        """Return the coordinator's part, as after a restart."""
        return LogWatch(self.own_log, key=self.coordinator, roster=lambda: self.roster, clock=lambda: self.now)

    def identity(self, member: str) -> LogIdentity:
        """Return which log a member's is."""
        key = self.roster.members[member].node
        return log_identity(self.federation, member, log_key=key, roster=self.roster)

    def look(self) -> None:
        """Play one exchange; everybody's log has grown by a row since the last."""
        self.now += timedelta(hours=1)
        for log in self.logs.values():
            log.record(look_up(9), at=self.now)
        self.watch.look(self.ask)

    def ask(self, kind: Kind, payload: bytes, *, accept: Callable[[SignedMessage], None]) -> None:
        """Deliver one question to all countries and each answer to ``accept``."""
        self.sent.append((kind, payload))
        for country in self.keys:
            content = payload if self.carry is None else self.carry(country, kind, payload)
            try:
                accept(self.watchers[country].answer(self.order(country, kind=kind, payload=content)))
            except SafeBordersError as error:
                self.refused.append(error.code)

    def order(self, country: Country, *, kind: Kind, payload: bytes) -> SignedMessage:
        """Return a signed order about logs."""
        header = Header(
            kind=kind,
            federation=self.federation,
            run="watch",
            round=1,
            country=country,
            sequence=1,
            plan_sha256=EMPTY_SHA256,
            base_model_sha256=EMPTY_SHA256,
            payload_sha256=sha256_hex(payload),
        )
        return sign_message(header, payload=payload, key=self.coordinator)

    def actions(self, country: Country) -> list[str]:
        """Return what a country's log tells, in order."""
        return [str(record["action"]) for record in records_of(self.logs[country])]

    def close(self) -> None:
        """Close all databases."""
        for log in (*self.logs.values(), self.own_log):
            log.engine.dispose()


def _without_sync(engine: Engine) -> Engine:
    """Return ``engine`` for tests that cut no power: ten databases on one disk would wait for it alone."""

    @event.listens_for(engine, "connect")
    def relax(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.cursor().execute("PRAGMA synchronous=OFF")

    engine.dispose()
    return engine


def records_of(log: SqlAuditLog | CoordinatorLog) -> list[Mapping[str, object]]:
    """Return all records of a log."""
    with log.reading() as connection:
        return [record_of(entry) for entry in log.rows.entries(connection)]


def look_up(number: int) -> AuditEvent:
    """Return an event of a day's work."""
    return AuditEvent(
        Operation.CONSULTATION,
        action="lookup.search",
        actor="token-1",
        purpose="P2",
        case_reference="GR-2026-17",
        objects=(f"person-{number}",),
    )
