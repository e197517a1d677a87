"""Keeps whom the edge lets in at what the coordinator knows, and notices when the edge has a new certificate."""

import fcntl
from collections.abc import Collection, Iterable, Sequence

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.kit.clock import Clock, system_clock
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.logs import get_log
from safeborders.server.enrolment import find_revocations
from safeborders.server.federation.passes import Pass, write_passes
from safeborders.server.registry.papers import Listed, find_listed
from safeborders.server.registry.roster import MemberCertificate, Roster, RosterEntry, RosterState

_log = get_log("edge")


def refresh_passes(settings: CoordinatorSettings, *, roster: Roster) -> None:
    """Write down whom the edge lets in from this moment on.

    Raises:
        RosterRefused: If the roster of keys that is kept is damaged; the passes stay as they are.
        CertificateRefused: If the list of revoked certificates is, likewise.
    """
    path = settings.places.passes
    with path.with_suffix(".lock").open("w") as lock:
        # Who reads inside the lock writes what is newest: the supervisor's look never undoes a command's revocation.
        fcntl.flock(lock, fcntl.LOCK_EX)
        revocations = find_revocations(settings)
        revoked = frozenset() if revocations is None else {f"{serial:x}" for serial in revocations.serials}
        passes = build_passes(
            roster.list_roster(),
            roster.list_certificates(),
            listed=find_listed(settings.places.papers),
            revoked=revoked,
        )
        write_passes(passes, path)


def build_passes(
    entries: Iterable[RosterEntry],
    certificates: Iterable[MemberCertificate],
    *,
    listed: Listed | None,
    revoked: Collection[str],
) -> tuple[Pass, ...]:
    """Return the passes of all enrolled countries.

    Args:
        entries: The registry's countries.
        certificates: That were issued to them.
        listed: Whose keys count by the roster in force; None while the countries have signed none.
        revoked: Serial numbers on the authority's list, hexadecimal.
    """
    enrolled = {
        entry.country: entry.identity
        for entry in entries
        if entry.state is RosterState.ENROLLED
        and (listed is None or listed.keys.get(entry.country.value) == entry.identity.signing_key)
    }
    return tuple(
        Pass(one.country, one.sha256, one.ends_at, enrolled[one.country].flower_key)
        for one in certificates
        if one.country in enrolled and one.revoked_at is None and one.serial not in revoked
    )


class EdgeWatch:
    """Looked at every few seconds by the supervisor; commands refresh the passes themselves, so this is the net.

    Args:
        settings: The coordinator's profile.
        roster: Who belongs to the federation.
        clock: The time.
    """

    def __init__(self, settings: CoordinatorSettings, *, roster: Roster, clock: Clock = system_clock) -> None:
        self._settings = settings
        self._roster = roster
        self._clock = clock
        self._certificate = self._read_certificate()

    def look(self) -> Sequence[str]:
        """Refresh the passes; name the edge if it must start afresh because its certificate was renewed."""
        try:
            refresh_passes(self._settings, roster=self._roster)
        except SafeBordersError as error:
            _log.error("passes_not_refreshed", code=error.code, reason=error.message)
        seen = self._read_certificate()
        if seen == self._certificate:
            return []
        self._certificate = seen
        return ["edge"]

    def _read_certificate(self) -> bytes:
        return self._settings.places.kit.read_bytes()  # written last, so the key and the certificate are there
