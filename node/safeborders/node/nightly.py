"""The nightly process of a node: ``python -m safeborders.node.nightly PROFILE``. It erases and flags.

Records go by the national policy, the federation's models by the agreement (E9).
"""

import sys
import threading
from datetime import datetime, time, timedelta
from pathlib import Path

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import Clock, system_clock
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.logs import get_log, set_up_logs
from safeborders.kit.signing import load_signing_key
from safeborders.kit.supervisor import stop_on_signals
from safeborders.kit.transparency.errors import LogDamaged
from safeborders.kit.transparency.keeping import sign_checkpoint
from safeborders.node.bootstrap import build_cabinet, build_engine, identify_log
from safeborders.node.lifecycle.model_copies import ModelCopies, purge_models
from safeborders.node.lifecycle.policies import load_policy
from safeborders.node.lifecycle.retention import remove_derived, run_retention
from safeborders.node.opening import open_node_store
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.database import Store

HOUR = time(1, 30)
"""When the job runs, UTC: a day that ended is over everywhere in the federation."""

_TRY_AGAIN_SECONDS = 900.0
_log = get_log("nightly")


def seconds_until_next(now: datetime) -> float:
    """Return how long it is until the next run."""
    today = datetime.combine(now.date(), HOUR, tzinfo=now.tzinfo)
    due = today if today > now else today + timedelta(days=1)
    return (due - now).total_seconds()


def run_nights(settings: NodeSettings, stop: threading.Event, *, clock: Clock = system_clock) -> None:
    """Run the job now, for what was missed while the node was off, and every night until ``stop`` is set."""
    while not stop.is_set():
        wait = _TRY_AGAIN_SECONDS
        try:
            run_once(settings, now=clock())
            wait = seconds_until_next(clock())
        except SafeBordersError as error:  # the database may be held by an import: the next try is soon
            _log.warning("retention_failed", code=error.code, seconds=wait)
        stop.wait(wait)


def run_once(settings: NodeSettings, *, now: datetime) -> None:
    """Run the job for the day of ``now``."""
    store = open_node_store(settings)
    try:
        policy = load_policy(settings)
        if run_retention(store, policy=policy, now=now, as_of=now.date()).erased:
            remove_derived(settings.places.evaluation)
        _purge_models(settings, store)
        _sign_log(settings, store)
        _log.info("retention_done", country=settings.country.value)
    finally:
        store.close()


def _purge_models(settings: NodeSettings, store: Store) -> None:
    cabinet = build_cabinet(store)
    engine = build_engine(settings, store, cabinet=cabinet)
    folder, country = settings.places.released, settings.country
    copies = ModelCopies(folder, store=store, cabinet=cabinet, country=country, clock=system_clock)
    if gone := purge_models(copies, engine=engine, clock=system_clock):
        _log.info("models_purged", country=country.value, size=gone)


def _sign_log(settings: NodeSettings, store: Store) -> None:
    """Sign the audit log as it is, so that an authority can prove yesterday's rows while no coordinator asks."""
    key = load_signing_key(settings.places.signing_key)
    try:
        sign_checkpoint(SqlAuditLog(store.engine), identity=identify_log(settings, store), key=key)
    except LogDamaged as error:
        _log.critical("log_damaged", country=settings.country.value, code=error.code, reason=error.message)


def main(profile: Path) -> None:
    """Run the job every night until SIGTERM."""
    set_up_logs()
    with stop_on_signals() as stop:
        run_nights(load_settings(profile, NodeSettings), stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
