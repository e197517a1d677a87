"""Puts the outcome together: scores against the ground truth, what the ledgers spent, what was sent, the bound."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.models.defaults import DELTA
from safeborders.models.domain.countries import Country
from safeborders.node.bootstrap import build_ledger
from safeborders.node.opening import open_node_store
from safeborders.privacy.accountant import epsilon_sum
from safeborders.privacy.ledger import EntryState
from safeborders.sandbox.demo.layout import Layout
from safeborders.sandbox.demo.results import CountryResult, DemoResult, Scores
from safeborders.sandbox.scoring import load_truth, score_country

COLLUDERS = 2
"""Countries that may tell the observer of the sum what noise they added (privacy.md 4.5)."""


def collect_result(layout: Layout, *, run: str, rounds: Sequence[dict[str, Any]]) -> DemoResult:
    """Return the outcome of ``run``.

    Args:
        layout: Of the demonstration.
        run: Name of the run.
        rounds: The coordinator's records of its rounds.
    """
    truth = load_truth(layout.world / "ground_truth")
    bound = json.loads(layout.bound.read_text(encoding="utf-8"))
    countries = {}
    for country in layout.countries:
        scores = score_country(layout.evaluation(country, run=run), truth)
        local, of_sum = _epsilons(layout, country, run=run, honest=_honest(rounds))
        countries[country] = CountryResult(
            typology=_scores(scores.typology),
            links=_scores(scores.links),
            epsilon_local=local,
            epsilon_sum=of_sum,
            bytes_sent=_bytes_sent(rounds, country),
            roles=_scores(scores.roles) if scores.roles else None,
        )
    return DemoResult(
        countries=countries,
        central_typology=bound["typology"],
        central_links=bound["links"],
        central_roles=bound["roles"],
        rounds=len(rounds),
        seconds=0.0,
    )


def _honest(rounds: Sequence[dict[str, Any]]) -> int:
    """Return how many countries' noise the observer of the sums cannot subtract, in the round with the fewest."""
    accepted = [sum(reply["state"] == "accepted" for reply in record["replies"]) for record in rounds]
    return max(1, min(accepted, default=1) - COLLUDERS)


def _epsilons(layout: Layout, country: Country, *, run: str, honest: int) -> tuple[float, float]:
    """Return what the country's own ledger says was spent, and what an observer of the sums learns at most."""
    settings = load_settings(layout.node_profile(country), NodeSettings)
    store = open_node_store(settings)
    ledger = build_ledger(settings, store)
    spent = ledger.spent_epsilon()
    charged = [
        event
        for entry in ledger.list_entries()
        if entry.state is EntryState.RESERVED and entry.charge.run == run
        for event in entry.charge.events
    ]
    store.close()
    return spent, epsilon_sum(charged, honest=honest, delta=DELTA)


def _bytes_sent(rounds: Sequence[dict[str, Any]], country: Country) -> int:
    return sum(
        reply["payload_bytes"] for record in rounds for reply in record["replies"] if reply["country"] == country.value
    )


def _scores(by_model: Mapping[str, float]) -> Scores:
    return Scores(local=by_model["local"], federated=by_model["federated"], personalised=by_model["personalised"])
