"""A country's database: opened with its key or by URL, upgraded, and written to in whole transactions."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from safeborders.kit.db import copy_database, is_busy, open_encrypted, open_url
from safeborders.kit.errors import SettingsError, Unavailable
from safeborders.kit.migrations import upgrade_schema
from safeborders.node.storage.bulk import quiet_errors

_SCRATCH = "scratch-"
MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Place:
    """Where a country's database is: a SQLCipher file with its key, or a URL.

    Attributes:
        path: The file; its folder must exist.
        key_hex: Its raw key, 64 hexadecimal digits; never in a URL, a log or a representation.
        url: ``postgresql+psycopg://...``; the server's disk must be encrypted, because PostgreSQL is not.
    """

    path: Path | None = None
    key_hex: str | None = None
    url: str | None = None

    def __repr__(self) -> str:
        return "<Place>"  # the key and the URL's password stay out of logs


class Store:
    """The open database of one country."""

    def __init__(self, engine: Engine, *, place: Place | None = None) -> None:
        self.engine = engine
        self._place = place

    def __repr__(self) -> str:
        return f"<Store {self.engine.dialect.name}>"

    def upgrade(self) -> str:
        """Bring the schema to the newest revision and return it. Raises SettingsError if it is newer than we are."""
        return upgrade_schema(self.engine, scripts=MIGRATIONS)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose work is kept whole, or not at all when the block raises.

        Raises:
            Unavailable: If somebody else writes to SQLite's file for longer than 30 seconds.
        """
        with _busy_is_told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a session whose work is kept whole, or not at all when the block raises; see :meth:`transaction`."""
        with _busy_is_told(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def scratch(self) -> Iterator["Store"]:
        """Yield a store for work that nobody keeps and that holds nobody up.

        On SQLCipher it is a private copy of what is in the database now, under the same key, gone at the end; on
        PostgreSQL, where readers and other writers do not wait for it, the store itself.

        Raises:
            DatabaseRefused: If there is no room for a copy.
        """
        if self._place is None or self._place.path is None:
            yield self
            return
        with _scratch_folder(self._place.path.parent) as folder:
            copy = open_store(Place(path=folder / "copy.db", key_hex=self._place.key_hex))
            try:
                with quiet_errors():
                    copy_database(self.engine, copy.engine)
                yield copy
            finally:
                copy.close()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _busy_is_told() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if not is_busy(error):
            raise
        raise Unavailable(
            "The node's database is busy, perhaps with an import: wait for its end, then try again."
        ) from error


@contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in ``parent`` that is gone at the end, and remove those of processes that were killed."""
    for left in parent.glob(f"{_SCRATCH}*"):
        if not Path("/proc", left.name.removeprefix(_SCRATCH).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-", dir=parent) as name:
        yield Path(name)


def open_store(place: Place) -> Store:
    """Open the database at ``place``; the schema is left as it is (call :meth:`Store.upgrade`).

    Raises:
        SettingsError: If ``place`` names not exactly one database, or the key does not open the file.
        Unavailable: If the server does not answer.
    """
    if place.url is not None and place.path is None:
        return Store(open_url(place.url))
    if place.url is None and place.path is not None and place.key_hex is not None:
        return Store(open_encrypted(place.path, key_hex=place.key_hex), place=place)
    raise SettingsError("The database must be named by a file with its key, or by a URL: correct the profile.")
