"""The rounds of secure aggregation that this country answered, in its own database."""

from sqlalchemy import Connection, Engine, Index, String, Text, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import for_reading
from safeborders.node.storage.base import Base
from safeborders.privacy.aggregation.errors import Contradiction
from safeborders.privacy.aggregation.session import Session

_MASKED_ONCE = "uq_aggregation_session_masked_once"


class AggregationSessionRow(Base):
    """One round with one circle of countries.

    Attributes:
        content: The session; NULL once its secrets were forgotten, so that the round can never be answered anew.
    """

    __tablename__ = "aggregation_session"
    __table_args__ = (
        Index(
            _MASKED_ONCE,
            "run",
            "round",
            unique=True,
            sqlite_where=text("is_masked"),
            postgresql_where=text("is_masked"),
        ),
    )

    context_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    run: Mapped[str] = mapped_column(String(64))
    round: Mapped[int]
    is_masked: Mapped[bool]
    content: Mapped[str | None] = mapped_column(Text)


_SESSIONS = AggregationSessionRow.__table__.c


class SqlSessionStore:
    """Implements privacy.aggregation.session.SessionStore on ``engine``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, context_sha256: str) -> Session | None:
        """Return the session of a round, None before its first message and after it was forgotten."""
        with for_reading(self._engine).begin() as connection:
            return _read(_content(connection, context_sha256))

    def find_masked(self, run: str, *, round_number: int) -> Session | None:
        """Return the session in which this round's update was masked, None when it was not or was forgotten."""
        wanted = select(_SESSIONS.content).where(
            _SESSIONS.run == run, _SESSIONS.round == round_number, _SESSIONS.is_masked
        )
        with for_reading(self._engine).begin() as connection:
            return _read(connection.scalar(wanted))

    def keep(self, session: Session, *, before: Session | None) -> None:
        """Replace ``before`` by ``session``.

        Raises:
            Contradiction: If something else than ``before`` is kept, or the round's update is masked in another
                session, or the round is over and its secrets were forgotten.
        """
        context = session.context
        values = {
            "context_sha256": context.sha256(),
            "run": context.run,
            "round": context.round,
            "is_masked": bool(session.vector_sha256),
            "content": session.model_dump_json(),
        }
        try:
            with self._engine.begin() as connection:
                self._check(connection, session, before=before)
                if before is None:
                    connection.execute(insert(AggregationSessionRow).values(**values))
                else:
                    same = _SESSIONS.context_sha256 == context.sha256()
                    connection.execute(update(AggregationSessionRow).where(same).values(**values))
        except IntegrityError as error:
            raise Contradiction("The update of this round was masked for other countries: nothing is sent.") from error

    def forget(self, run: str, *, before_round: int) -> None:
        """Erase the secrets of all rounds of ``run`` before ``before_round``; that they were played stays known."""
        over = (_SESSIONS.run == run) & (_SESSIONS.round < before_round) & _SESSIONS.content.is_not(None)
        with self._engine.begin() as connection:
            connection.execute(update(AggregationSessionRow).where(over).values(content=None))

    def list_models(self, run: str, *, round_number: int) -> frozenset[str]:
        """Return the models that a key was made for in this round, as far as its secrets are kept."""
        wanted = select(_SESSIONS.content).where(_SESSIONS.run == run, _SESSIONS.round == round_number)
        with for_reading(self._engine).begin() as connection:
            sessions = [_read(content) for content in connection.scalars(wanted)]
        return frozenset(one.context.base_model_sha256 for one in sessions if one is not None)

    def _check(self, connection: Connection, session: Session, *, before: Session | None) -> None:
        context = session.context
        if _read(_content(connection, context.sha256())) != before:
            raise Contradiction("The round went another way meanwhile: nothing more is sent in it.")
        over = select(_SESSIONS.context_sha256).where(
            _SESSIONS.run == context.run, _SESSIONS.round == context.round, _SESSIONS.content.is_(None)
        )
        if connection.execute(over).first() is not None:
            raise Contradiction("The round is over and its keys are forgotten: nothing more is sent in it.")


def _content(connection: Connection, context_sha256: str) -> str | None:
    return connection.scalar(select(_SESSIONS.content).where(_SESSIONS.context_sha256 == context_sha256))


def _read(content: str | None) -> Session | None:
    return None if content is None else Session.model_validate_json(content)
