"""Implements ``AggregationNotes`` in the coordinator's database: each decision is written once."""

from sqlalchemy import Engine

from safeborders.kit.errors import Conflict
from safeborders.server.registry.transactions import transaction
from safeborders.server.storage.tables import AggregationRoundRow

_DECIDED = "This round of secure aggregation was decided otherwise before: it is not decided again."


class SqlAggregationNotes:
    """The decisions of one round.

    Args:
        engine: Of the registry.
        run: Its name.
        round_number: Of the round.
    """

    def __init__(self, engine: Engine, run: str, *, round_number: int) -> None:
        self._engine = engine
        self._key = {"run": run, "round": round_number}

    def find_adverts(self) -> bytes:
        """Return the keys that were passed on; empty before."""
        with transaction(self._engine) as session:
            row = session.get(AggregationRoundRow, self._key)
            return row.adverts if row else b""

    def find_survivors(self) -> bytes:
        """Return the survivors that were named; empty before."""
        with transaction(self._engine) as session:
            row = session.get(AggregationRoundRow, self._key)
            return row.survivors if row and row.survivors else b""

    def find_echoes(self) -> bytes:
        """Return the headers with which the keys came; empty before, and in a round of an earlier version."""
        with transaction(self._engine) as session:
            row = session.get(AggregationRoundRow, self._key)
            return row.echoes if row and row.echoes else b""

    def keep_adverts(self, content: bytes, *, echoes: bytes) -> None:
        """Keep the keys, and the headers with which they came, before they are passed on."""
        with transaction(self._engine) as session:
            row = session.get(AggregationRoundRow, self._key, with_for_update=True)
            if row is None:
                session.add(AggregationRoundRow(**self._key, adverts=content, survivors=None, echoes=echoes))
            elif row.adverts != content:
                raise Conflict(_DECIDED)

    def keep_survivors(self, content: bytes) -> None:
        """Keep the survivors before they are named. Raises Conflict if others are kept."""
        with transaction(self._engine) as session:
            row = session.get(AggregationRoundRow, self._key, with_for_update=True)
            if row is None or row.survivors not in {None, content}:
                raise Conflict(_DECIDED)
            row.survivors = content
