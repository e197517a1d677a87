"""Whom the public edge lets in: certificates of enrolled countries, each bound to the Flower key of its country.

The list is derived from the registry, the roster of keys and the authority's list of revoked certificates. It lies in a
file beside the edge, so that the one process that the world reaches holds no key to the database. The edge looks at the
file with each request; a file that is missing or damaged lets nobody in.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from safeborders.kit.clock import Clock
from safeborders.kit.files import write_atomically
from safeborders.kit.logs import get_log
from safeborders.models.domain.countries import Country

_log = get_log("edge")


@dataclass(frozen=True)
class Pass:
    """A certificate that opens the edge, and what its holder may say there.

    Args:
        country: Whose it is.
        certificate_sha256: Of its DER form, hexadecimal.
        ends_at: After it the certificate opens nothing.
        flower_key: The only Flower key that may speak over a connection with this certificate, PEM.
    """

    country: Country
    certificate_sha256: str
    ends_at: datetime
    flower_key: str


def write_passes(passes: Collection[Pass], path: Path) -> None:
    """Keep ``passes`` at ``path`` if they are others than those there."""
    content = _FORM.dump_json(tuple(passes), indent=1)
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)


class Doorkeeper:
    """Knows the passes of this moment.

    Args:
        path: The file; it is read anew when it changes.
        clock: The time.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._state: tuple[int, int, int] | None = None
        self._passes: dict[str, Pass] = {}

    def find_pass(self, certificate_sha256: str) -> Pass | None:
        """Return the pass of the holder of this certificate; None for whoever has none, or none any more."""
        self._look()
        found = self._passes.get(certificate_sha256)
        return found if found is not None and self._clock() < found.ends_at else None

    def _look(self) -> None:
        try:
            seen = self._path.stat()
            state = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
            if state == self._state:
                return
            passes = _FORM.validate_json(self._path.read_bytes())
        except (OSError, ValidationError) as error:
            _log.error("passes_unreadable", reason=type(error).__name__)
            self._state, self._passes = None, {}
            return
        self._state, self._passes = state, {one.certificate_sha256: one for one in passes}


_FORM = TypeAdapter(tuple[Pass, ...])
