"""The command that shows the privacy budget; apart, because the accountant takes a second to import."""

import json
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import SettingsError
from safeborders.models.defaults import CATALOGUE
from safeborders.models.protocol.manifest import ManifestRefused, read_manifest
from safeborders.models.protocol.plan import RunPlan
from safeborders.node.bootstrap import build_ledger
from safeborders.node.opening import open_node_store
from safeborders.privacy.events import Event
from safeborders.privacy.ledger import PrivacyLedger
from safeborders.privacy.preview import Exposure, Preview, exposure, preview_run, rounds_left
from safeborders.privacy.pricing import NetworkPrice, network_lines, price_networks, run_events

_console = Console(highlight=False)


def show_budget(profile: Path, *, plan: Path | None = None, as_json: bool) -> None:
    """Show what everything that ever left has cost, what is left and for how long, and what ``plan`` would cost."""
    settings = load_settings(profile, NodeSettings)
    asked = None if plan is None else _load_plan(plan)
    store = open_node_store(settings)
    ledger = build_ledger(settings, store)
    spent, latest = ledger.spent_events(), ledger.find_latest_round()
    store.close()
    cap, delta, floor = ledger.cap_epsilon, ledger.delta, settings.privacy.floor
    shown = exposure(spent, participants=floor, delta=delta)
    left = rounds_left(spent, latest, delta=delta, cap_epsilon=cap) if latest else None
    preview = None if asked is None else _preview(asked, spent=spent, ledger=ledger)
    networks = () if asked is None else price_networks(asked, CATALOGUE.get(asked))
    if as_json:
        document = {
            "epsilon_spent": shown.epsilon,
            "epsilon_left": cap - shown.epsilon,
            "epsilon_cap": cap,
            "delta": delta,
            "rounds_left": left,
            **_figures(shown),
            "plan": None if preview is None else {**_plan_figures(preview), "networks": _network_figures(networks)},
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return
    _console.print(
        f"spent {shown.epsilon:.3f}   left {cap - shown.epsilon:.3f}   cap {cap:.3f}   (epsilon, all releases together)"
    )
    if left is not None:
        _console.print(f"rounds like the last one that still fit: {left}")
    _console.print(_table("Everything spent so far", shown))
    if preview is not None:
        _console.print(_table("The plan alone", preview.run))
        for line in network_lines(networks):
            _console.print(line, soft_wrap=True)
        verdict = "fits under the cap" if preview.fits else "[bold red]does not fit under the cap[/]"
        _console.print(f"spent and plan together: {preview.total:.3f} of {cap:.3f}: it {verdict}")


def _load_plan(path: Path) -> RunPlan:
    """Return the plan of a run's manifest, whoever signed it, or a plan by itself: pricing believes nobody."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError("The plan's file cannot be read: check its path.") from error
    with suppress(ManifestRefused):
        return read_manifest(content).plan
    try:
        return RunPlan.model_validate_json(content)
    except ValidationError as error:
        raise SettingsError(
            "The file is not a run's manifest or plan of this version: ask the coordinator for the manifest."
        ) from error


def _preview(plan: RunPlan, *, spent: tuple[Event, ...], ledger: PrivacyLedger) -> Preview:
    architecture = CATALOGUE.find(plan)
    if architecture is None:
        raise SettingsError("The plan is for another model than this node has: both need the same version.")
    try:
        run = run_events(plan, architecture, rounds=plan.rounds)
    except ValueError as error:
        raise SettingsError("The plan's privacy cannot be priced: correct its numbers.") from error
    return preview_run(spent, run, participants=plan.floor, delta=ledger.delta, cap_epsilon=ledger.cap_epsilon)


def _figures(shown: Exposure) -> dict[str, dict[str, float | None]]:
    """Return an exposure for machines; what hides nobody is null, as JSON has no infinity."""
    return {
        "epsilon_by_countries": {str(key): value for key, value in shown.by_countries.items()},
        "epsilon_sum_by_colluders": {
            str(key): value if math.isfinite(value) else None for key, value in shown.by_colluders.items()
        },
    }


def _plan_figures(preview: Preview) -> dict[str, object]:
    return {
        "epsilon_run": preview.run.epsilon,
        "epsilon_total": preview.total,
        "fits": preview.fits,
        **_figures(preview.run),
    }


def _network_figures(networks: Sequence[NetworkPrice]) -> list[dict[str, object]]:
    return [
        {
            "name": price.name,
            "epsilon_alone": price.epsilon,
            "sampling_rate": price.event.sampling_rate,
            "noise_multiplier": price.event.noise_multiplier,
            "relations": [list(entry) for entry in price.event.relations],
        }
        for price in networks
    ]


def _table(title: str, shown: Exposure) -> Table:
    """Return the three published figures as a table that fits 80 columns."""
    table = Table(title=title, title_justify="left")
    table.add_column("against whom")
    table.add_column("epsilon", justify="right")
    for countries, value in shown.by_countries.items():
        who = "this country's messages" if countries == 1 else f"the same, a person present in {countries} countries"
        table.add_row(who, f"{value:.3f}")
    for colluders, value in shown.by_colluders.items():
        figure = f"{value:.3f}" if math.isfinite(value) else "no protection"
        table.add_row(f"the sum alone, {colluders} colluding", figure)
    return table
