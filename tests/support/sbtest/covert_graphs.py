"""Graphs of the planted networks as a wiretap or a surveillance log would give them, and their statistics."""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import networkx as nx  # type: ignore[import-untyped]  # networkx has no types of its own

from safeborders.models.domain.countries import DEMONSTRATION

SMALLEST = 25
"""Vertices from which a graph is compared: published covert graphs have 25 to 300 (domain.md 2.3)."""


@dataclass
class Traces:
    """What the files of one world hold: per network and country calls and meetings, and who travelled when.

    Attributes:
        calls: First phone, second phone, first day, last day.
        meetings: Persons present at one episode.
        users: Persons by phone.
        journeys: First and last day of each transport by person.
    """

    calls: dict[tuple[str, str], list[tuple[str, str, date, date]]] = field(default_factory=lambda: defaultdict(list))
    meetings: dict[tuple[str, str], list[frozenset[str]]] = field(default_factory=lambda: defaultdict(list))
    users: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    journeys: dict[str, list[tuple[date, date]]] = field(default_factory=lambda: defaultdict(list))


def read_traces(world: Path) -> Traces:
    """Return the calls, meetings and journeys in the files of ``world``."""
    with (world / "ground_truth/gt_persons.csv").open(encoding="utf-8", newline="") as file:
        network = {row["person"]: row["network"] for row in csv.DictReader(file)}
    with (world / "ground_truth/gt_cases.csv").open(encoding="utf-8", newline="") as file:
        case_network = {row["case"]: row["network"] for row in csv.DictReader(file)}
    traces = Traces()
    for country in DEMONSTRATION:
        _read_country(world / country.value, traces, networks=(network, case_network))
    return traces


def _read_country(folder: Path, traces: Traces, *, networks: tuple[dict[str, str], dict[str, str]]) -> None:
    network, case_network = networks
    moving, calls, case_of = set(), [], {}
    present: dict[str, set[str]] = defaultdict(set)
    for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("kind") == "episode" and row["properties"]["stage"] in {"transport", "transit"}:
            moving.add(row["id"])
        if row["record"] != "link":
            continue
        source, target, kind, envelope = row["source"], row["target"], row["kind"], row.get("envelope", {})
        if kind == "USES":
            traces.users[target].add(source)
        elif kind == "CALLED":
            days = envelope["valid_from"], envelope["valid_to"]
            calls.append((source, target, *map(date.fromisoformat, days)))
        elif kind == "HAS_EPISODE":
            case_of[target] = source
        elif kind == "INVOLVED_IN":
            present[target].add(source)
            if target in moving and "valid_to" in envelope:
                days = envelope["valid_from"], envelope["valid_to"]
                traces.journeys[source].append((date.fromisoformat(days[0]), date.fromisoformat(days[1])))
    for call in calls:
        first, second = ({network.get(user, "") for user in traces.users[phone]} for phone in call[:2])
        for name in (first & second) - {""}:
            traces.calls[name, folder.name].append(call)
    for episode, people in present.items():
        if name := case_network[case_of[episode]]:
            traces.meetings[name, folder.name].append(frozenset(people))


def call_graphs(traces: Traces) -> list[nx.Graph]:
    """Return the call graph of each network in each country, the large ones."""
    return _large(nx.Graph([call[:2] for call in calls]) for calls in traces.calls.values())


def meeting_graphs(traces: Traces) -> list[nx.Graph]:
    """Return who met whom in each network in each country, the large ones."""
    graphs = []
    for meetings in traces.meetings.values():
        graph = nx.Graph()
        for people in meetings:
            graph.add_edges_from((a, b) for a in people for b in people if a < b)
        graphs.append(graph)
    return _large(graphs)


def statistics(graphs: Sequence[nx.Graph]) -> dict[str, float]:
    """Return the means over ``graphs`` of what domain.md 2.3 gives for covert graphs."""
    largest = [graph.subgraph(max(nx.connected_components(graph), key=len)) for graph in graphs]
    return {
        "mean degree": _mean(2 * graph.number_of_edges() / len(graph) for graph in graphs),
        "clustering": _mean(map(nx.average_clustering, graphs)),
        "assortativity": _mean(map(nx.degree_assortativity_coefficient, graphs)),
        "largest component": _mean(len(part) / len(graph) for part, graph in zip(largest, graphs, strict=True)),
        "average path": _mean(map(nx.average_shortest_path_length, largest)),
    }


def off_target(found: dict[str, float], targets: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Return the statistics that lie outside their target."""
    return {name: found[name] for name, (low, high) in targets.items() if not low <= found[name] <= high}


def burst_share(traces: Traces, *, shifts: Sequence[int] = (0,)) -> float:
    """Return the share of calls between two who travelled together that lie within three days of such a journey.

    ``shifts`` moves the days of call after call, for a control.
    """
    hit = counted = 0
    for calls in traces.calls.values():
        for place, (first, second, start, end) in enumerate(calls):
            both = (
                {journey for user in traces.users[phone] for journey in traces.journeys[user]}
                for phone in (first, second)
            )
            journeys = set.intersection(*both)
            if journeys:
                counted += 1
                shift = shifts[place % len(shifts)]
                begin, stop = start.toordinal() + shift, end.toordinal() + shift
                hit += any(a.toordinal() - 3 <= begin and stop <= b.toordinal() + 3 for a, b in journeys)
    return hit / counted


def _large(graphs: Iterable[nx.Graph]) -> list[nx.Graph]:
    return [graph for graph in graphs if len(graph) >= SMALLEST]


def _mean(values: Iterable[float]) -> float:
    kept = [value for value in values if not math.isnan(value)]
    return sum(kept) / len(kept)
