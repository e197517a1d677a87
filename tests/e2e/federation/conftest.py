"""Real processes on loopback: a SuperLink, the edge, a runner and two nodes that learn nothing."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from benchmarks.local_federation import SMALL, LocalFederation

from safeborders.models.domain.countries import Country
from safeborders.server.federation.gathering import Pace

COUNTRIES = (Country.GR, Country.IT)


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFederation]:
    """A federation that is up; shared by a module's tests, each with a run of its own."""
    made = LocalFederation(
        tmp_path_factory.mktemp("federation"),
        COUNTRIES,
        architecture=SMALL,
        pace=Pace(ask_again_seconds=2.0, patience=2),
        node_seconds=0.05,
    )
    made.edge = replace(made.edge, max_body_bytes=2**20)
    try:
        made.start()
        yield made
    finally:
        made.stop()
