"""A node's API over a store, wired as in production but for the clock."""

from fastapi import FastAPI
from sqlalchemy import Engine

from safeborders.kit.clock import Clock
from safeborders.node.app import build_app
from safeborders.node.consent.inbox import ConsentRule, Inbox
from safeborders.node.routes.context import Context
from safeborders.node.storage.access import SqlLookupJournal, SqlTokens
from safeborders.node.storage.access_reader import SqlRecordReader
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.consent_store import SqlConsentStore


def node_app(engine: Engine, *, clock: Clock, journal: SqlLookupJournal | None = None) -> FastAPI:
    """Return the application; two people decide on runs."""
    return build_app(
        Context(
            records=SqlRecordReader(engine, clock=clock),
            tokens=SqlTokens(engine),
            journal=journal or SqlLookupJournal(engine),
            clock=clock,
            inbox=Inbox(SqlConsentStore(engine), rule=ConsentRule(persons=2), clock=clock),
            audit=SqlAuditLog(engine),
        )
    )
