"""Keeps Flower's SuperLink at what the roster and the registry say; both outlive it, it may be lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from safeborders.kit.clock import Clock, system_clock
from safeborders.kit.errors import SafeBordersError, Unavailable
from safeborders.kit.logs import get_log
from safeborders.models.domain.countries import Country
from safeborders.server.federation.flower_adapter import ControlLink
from safeborders.server.federation.link import Link
from safeborders.server.federation.runner import request_run
from safeborders.server.federation.superlink import register_node, unregister_node
from safeborders.server.registry.records import Registry, RunState
from safeborders.server.registry.roster import Roster, RosterEntry, RosterState
from safeborders.server.registry.views import RegistryReader

_log = get_log("reconciliation")
_OPEN = frozenset({RunState.WAITING, RunState.RUNNING})
_ONLINE = "online"


class Memory(Registry, RegistryReader, Protocol):
    """A registry that can be written and read."""


class Reconciliation:
    """Compares every few seconds: enrolled countries are let in, revoked ones shut out, open runs have a leader.

    Args:
        link: The SuperLink.
        roster: Who belongs to the federation.
        registry: Which runs are open; remembers who is connected.
        clock: The time.
    """

    def __init__(self, link: Link, *, roster: Roster, registry: Memory, clock: Clock = system_clock) -> None:
        self._link = link
        self._roster = roster
        self._registry = registry
        self._clock = clock
        self._known: dict[str, tuple[RosterState, str]] | None = None
        self._failed: set[str] = set()

    def look(self) -> list[str]:
        """Bring the SuperLink up to date; name the processes that must read the roster again.

        What is wrong with one country or one run is logged and holds up no other.
        """
        try:
            has_changed = self._reconcile_roster()
            self._reconcile_runs()
            with _apart(part="contacts"):
                self._note_contacts()
        except Unavailable as error:
            _log.warning("superlink_unavailable", code=error.code)
            return []
        return ["runner"] if has_changed else []

    def _reconcile_roster(self) -> bool:
        entries = {entry.country.value: entry for entry in self._roster.list_roster()}
        keys = {name: (entry.state, entry.identity.flower_key) for name, entry in entries.items()}
        former = self._known
        has_changed = keys != former
        for name, entry in entries.items():
            if has_changed or name in self._failed:
                self._failed.add(name)
                with _apart(country=name):
                    self._let_in_or_out(entry)
                    self._failed.discard(name)
        self._known = keys
        # A second attempt changes nothing that the runner reads: it is not restarted for one.
        return has_changed and former is not None

    def _let_in_or_out(self, entry: RosterEntry) -> None:
        if entry.state is RosterState.ENROLLED:
            pem = entry.identity.flower_key.encode()
            node_id = register_node(self._link, entry.country, public_key_pem=pem)
            if entry.identity.flower_node_id != str(node_id):
                self._roster.set_flower_node(entry.country, node_id=str(node_id))
        elif entry.state is RosterState.REVOKED:
            unregister_node(self._link, entry.country)

    def _reconcile_runs(self) -> None:
        for view in self._registry.list_runs():
            with _apart(run=view.plan.run):
                # The list may be older than the end of a run.
                if view.state in _OPEN and self._registry.get_run_state(view.plan.run) in _OPEN:
                    request_run(self._link, view.plan.run)

    def _note_contacts(self) -> None:
        with ControlLink(self._link) as control:
            online = [node.name for node in control.list_nodes() if node.status == _ONLINE]
        for name in online:
            with _apart(country=name):
                self._registry.record_contact(Country(name), now=self._clock())


@contextmanager
def _apart(**which: str) -> Iterator[None]:
    """Log what is wrong with one thing and go on with the next; a SuperLink that is away ends the whole look."""
    try:
        yield
    except Unavailable:
        raise
    except SafeBordersError as error:
        _log.warning("not_reconciled", code=error.code, **which)
