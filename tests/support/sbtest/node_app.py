"""A node's API over a store, wired as in production but for the clock."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import Engine

from safeborders.kit.clock import Clock
from safeborders.kit.signing import public_key_hex
from safeborders.kit.transparency.identity import LogIdentity, origin_of
from safeborders.kit.transparency.keeping import sign_checkpoint
from safeborders.node.app import build_app
from safeborders.node.audit.reading import LogReader
from safeborders.node.consent.inbox import ConsentRule, Inbox
from safeborders.node.routes.context import Context
from safeborders.node.storage.access import SqlLookupJournal, SqlTokens
from safeborders.node.storage.access_reader import SqlRecordReader
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.consent_store import SqlConsentStore
from safeborders.node.storage.role_desk import SqlRoleDesk

LOG_KEY = Ed25519PrivateKey.generate()
LOG = LogIdentity(origin=origin_of("demo", "gr"), log_key=public_key_hex(LOG_KEY), witness_keys={})


def node_app(engine: Engine, *, clock: Clock, journal: SqlLookupJournal | None = None) -> FastAPI:
    """Return the application; two people decide on runs."""
    return build_app(
        Context(
            records=SqlRecordReader(engine, clock=clock),
            roles=SqlRoleDesk(engine, clock=clock),
            tokens=SqlTokens(engine),
            journal=journal or SqlLookupJournal(engine),
            clock=clock,
            inbox=Inbox(SqlConsentStore(engine), rule=ConsentRule(persons=2), clock=clock),
            audit=SqlAuditLog(engine),
            log=LogReader(SqlAuditLog(engine), identity=lambda: LOG),
        )
    )


def sign_log(engine: Engine) -> None:
    """Sign the audit log as it is, as the node does every night."""
    sign_checkpoint(SqlAuditLog(engine), identity=LOG, key=LOG_KEY)
