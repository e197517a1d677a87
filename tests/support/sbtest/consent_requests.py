"""A run that asks, for tests of consent."""

from datetime import UTC, datetime

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.manifest import Aggregation
from safeborders.models.protocol.plan import Task
from safeborders.node.consent.requests import RunRequest

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
REQUEST = RunRequest(
    manifest_sha256="a" * 64,
    run="run-1",
    agreement_sha256="b" * 64,
    clause="updates",
    purpose="P1",
    tasks=(Task.TYPOLOGY, Task.LINKS),
    architecture_sha256="c" * 64,
    bundle_sha256="d" * 64,
    epsilon=3.0,
    delta=1e-5,
    rounds=10,
    participants=(Country.GR, Country.IT),
    floor=2,
    aggregation=Aggregation.SECURE,
    update_length=20,
    events="[]",
    first_seen=NOW,
)
