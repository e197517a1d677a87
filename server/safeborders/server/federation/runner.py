"""The process that leads runs: it takes Flower's tasks with the secret that it alone holds, and never runs a bundle.

Killed at any moment, it is started again by its supervisor, finds the run that it left, opens a new Flower run for it
and goes on at the same round of ours.
"""

import fcntl
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from safeborders.kit.clock import system_clock
from safeborders.kit.errors import Conflict, SafeBordersError, Unavailable
from safeborders.kit.files import write_atomically
from safeborders.kit.logs import get_log, set_up_logs
from safeborders.kit.processes import start_child
from safeborders.kit.signing import load_signing_key
from safeborders.models.architecture import Catalogue
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.server.federation.flower_adapter import (
    ControlLink,
    FlowerNode,
    GridExchange,
    Task,
    TaskGrid,
    acquire_task,
)
from safeborders.server.federation.gate import AgreementRunGate, RunGate, Ungated
from safeborders.server.federation.gathering import Correspondence, Pace
from safeborders.server.federation.link import Link, quiet_environment
from safeborders.server.federation.rounds import RunLeader
from safeborders.server.federation.watch import LogWatch
from safeborders.server.registry.audit import CoordinatorLog
from safeborders.server.registry.papers import FolderPaperStore, LoggedDecisionJournal, LoggedPaperStore
from safeborders.server.registry.records import Registry
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.storage.opening import open_registry_database

_LOOK_SECONDS = 0.5
_BEAT_SECONDS = 15.0
_RETRY_SECONDS = 1.0
_TTL_SECONDS = 12 * 3600.0
_FINISHED = "finished"
_EXIT_REFUSED = 2
_log = get_log("runner")


@dataclass(frozen=True)
class PaperPlaces:
    """Args: the folder of papers, the folder of manifests, the journal of decisions."""

    folder: Path
    manifests: Path
    decisions: Path


@dataclass(frozen=True)
class RunnerConfig:
    """What the runner's process needs.

    Args:
        link: The SuperLink.
        registry_url: Of the coordinator's database; its schema is brought up to date.
        signing_key: File of the coordinator's Ed25519 key.
        roster: Ed25519 public key of every country, hexadecimal.
        flower_keys: Flower key of every country, PEM; orders go to the node with this key and to no other of its name.
        catalogue: The models that runs may train.
        pace: How patient runs are.
        papers: Where roster, agreement and manifests are kept; None only where no country's node listens.
    """

    link: Link
    registry_url: str
    signing_key: Path
    roster: dict[Country, str]
    flower_keys: dict[Country, str]
    catalogue: Catalogue
    pace: Pace = field(default_factory=Pace)
    papers: PaperPlaces | None = None

    @property
    def path(self) -> Path:
        """The file that the child reads."""
        return self.link.folder / "runner.json"

    @property
    def log(self) -> Path:
        """What the runner prints."""
        return self.link.folder / "runner.log"


def start_runner(config: RunnerConfig) -> subprocess.Popen[bytes]:
    """Start the runner as a child; call it from the main thread (see kit.processes).

    Raises:
        SettingsError: If the signing key cannot be used.
    """
    load_signing_key(config.signing_key)
    config.link.prepare()
    write_atomically(config.path, _FORM.dump_json(config))
    return start_child(
        [sys.executable, "-m", "safeborders.server.federation.runner", str(config.path)],
        log=config.log,
        environment=quiet_environment(config.link.folder),
    )


def request_run(link: Link, run: str) -> None:
    """Let the runner lead ``run``, which the registry knows; also the way to resume one that failed.

    Raises:
        Unavailable: If the SuperLink does not answer.
    """
    with ControlLink(link) as control:
        if all(known.run != run or known.status == _FINISHED for known in control.list_runs()):
            control.start_run(run)


class Runner:
    """Lead one run after the other.

    Args:
        config: What it needs.
        registry: The coordinator's memory.
        log: The coordinator's audit log.
    """

    def __init__(self, config: RunnerConfig, *, registry: Registry, log: CoordinatorLog) -> None:
        self._config = config
        self._audit = log
        self._registry = registry
        self._key = load_signing_key(config.signing_key)
        self._gate = self._build_gate()
        self._watch = self._build_watch()

    def run(self, stop: threading.Event) -> None:
        """Take up what a former runner left, then wait for tasks until ``stop`` is set."""
        taken_up = False
        while not stop.is_set():
            try:
                if not taken_up:
                    self._take_up()
                    taken_up = True
                if (task := acquire_task(self._config.link)) is None:
                    stop.wait(_LOOK_SECONDS)
                    continue
                self._lead(task)
            except Unavailable as error:
                _log.warning("superlink_unavailable", seconds=_RETRY_SECONDS, code=error.code)
                taken_up = False
                stop.wait(_RETRY_SECONDS)

    def _build_gate(self) -> RunGate:
        config, papers = self._config, self._config.papers
        if papers is None:
            return Ungated()
        cabinet = Cabinet(LoggedPaperStore(papers.folder, record=self._audit.record))
        journal = LoggedDecisionJournal(papers.decisions, record=self._audit.record)
        engine = PolicyEngine(COORDINATOR, standing=cabinet.standing, journal=journal, clock=system_clock)
        return AgreementRunGate(
            cabinet,
            engine=engine,
            manifests=papers.manifests,
            signing=(self._key, system_clock),
            known=(config.roster, config.catalogue),
        )

    def _build_watch(self) -> LogWatch | None:
        papers = self._config.papers
        if papers is None:
            return None
        cabinet = Cabinet(FolderPaperStore(papers.folder))
        return LogWatch(self._audit, key=self._key, roster=cabinet.roster, clock=system_clock)

    def _take_up(self) -> None:
        """Replace every Flower run that has no leader any more: only one runner exists, so all but waiting ones."""
        with ControlLink(self._config.link) as control:
            open_runs = [run for run in control.list_runs() if run.status != _FINISHED]
            waiting = {run.run for run in open_runs if run.status == "pending"}
            for orphan in open_runs:
                if orphan.status == "pending":
                    continue
                control.stop_run(orphan.flower_run)
                if orphan.run not in waiting:
                    control.start_run(orphan.run)
                    waiting.add(orphan.run)
                    _log.info("run_taken_up", run=orphan.run)

    def _lead(self, task: Task) -> None:
        grid = TaskGrid(self._config.link, task)
        over = threading.Event()
        beat = threading.Thread(target=_beat, args=(grid, over), name="task-heartbeat", daemon=True)
        beat.start()
        try:
            succeeded = self._try_to_lead(grid, task.run)
            grid.finish(succeeded=succeeded)
        finally:
            over.set()
            grid.close()

    def _try_to_lead(self, grid: TaskGrid, run: str) -> bool:
        exchange = GridExchange(grid, node_ids=self._node_ids, ttl_seconds=_TTL_SECONDS)
        to = Correspondence(
            exchange=exchange,
            registry=self._registry,
            roster=self._config.roster,
            key=self._key,
            pace=self._config.pace,
        )
        try:
            RunLeader(to, catalogue=self._config.catalogue, gate=self._gate, watch=self._watch).lead(run)
        except Unavailable:
            raise
        except SafeBordersError as error:
            _log.error("run_ended", run=run, code=error.code, reason=error.message)
            return False
        return True

    def _node_ids(self) -> dict[str, int]:
        with ControlLink(self._config.link) as control:
            return numbers_of(control.list_nodes(), keys=self._config.flower_keys)


def numbers_of(nodes: Iterable[FlowerNode], *, keys: Mapping[Country, str]) -> dict[str, int]:
    """Return Flower's number of each country's node: the one with its key, whatever else bears its name.

    Flower's own database may be lost or old; which key is whose, the registry says.
    """
    known = {country.value: key.encode() for country, key in keys.items()}
    return {node.name: node.node_id for node in nodes if node.name in known and known[node.name] == node.public_key}


def _beat(grid: TaskGrid, over: threading.Event) -> None:
    while not over.wait(_BEAT_SECONDS):
        try:
            grid.send_heartbeat()
        except Unavailable as error:
            _log.warning("task_heartbeat_failed", code=error.code)


@contextmanager
def _only_one(link: Link) -> Iterator[None]:
    """Hold the folder's lock, so that two runners never take each other's runs."""
    with (link.folder / "runner.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict("Another runner leads this SuperLink's runs: stop it first.") from error
        yield


def main(arguments: list[str]) -> int:
    """Run the runner that the file in ``arguments`` describes; SIGTERM ends it, its runs stay resumable."""
    set_up_logs()
    try:
        config = _FORM.validate_json(Path(arguments[0]).read_bytes())
        with _only_one(config.link):
            engine = open_registry_database(config.registry_url)
            Runner(config, registry=SqlRegistry(engine), log=CoordinatorLog(engine)).run(threading.Event())
    except SafeBordersError as error:
        _log.error("runner_refused", code=error.code, reason=error.message)
        return _EXIT_REFUSED
    return 0


_FORM = TypeAdapter(RunnerConfig)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
