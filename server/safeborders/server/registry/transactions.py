"""One durable transaction on the coordinator's database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from safeborders.kit.errors import Conflict, NotFound, Unavailable
from safeborders.server.storage.tables import RunRow


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Run one transaction: committed when the block ends, undone when it raises.

    Raises:
        Conflict: If another process wrote the same thing first.
        Unavailable: If the database does not answer, is full, or is locked for too long.
    """
    try:
        with Session(engine) as session, session.begin():
            yield session
    except IntegrityError as error:
        raise Conflict("Another process recorded this first: read the state again.") from error
    except DBAPIError as error:
        raise Unavailable("The coordinator's database does not answer: it is tried again.") from error


def find_run(session: Session, run: str, *, lock: bool = False) -> RunRow:
    """Return the row of ``run``, locked until the transaction ends where asked. Raises NotFound."""
    row = session.get(RunRow, run, with_for_update=lock or None)
    if row is None:
        raise NotFound("There is no such run.")
    return row
