"""Makes an exercise about a planted network: dossier, briefing and answer sheet; the key stays in the world."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import Conflict, NotFound
from safeborders.models.domain.countries import Country
from safeborders.sandbox.training.abroad import same_abroad
from safeborders.sandbox.training.casebook import Casebook
from safeborders.sandbox.training.children import case_type, victim_and_suspect, what_counts
from safeborders.sandbox.training.dossier import write_dossier
from safeborders.sandbox.training.identities import numbers_that_link, one_or_two, same_person, whose_number
from safeborders.sandbox.training.structures import innocent_hubs, missing_link, one_network, wrong_link
from safeborders.sandbox.training.task import POINTS, Builder, Task
from safeborders.sandbox.world.chance import stream
from safeborders.sandbox.world.files import TRUTH_FOLDER

BUILDERS: tuple[Builder, ...] = (
    one_network,
    whose_number,
    same_person,
    one_or_two,
    numbers_that_link,
    innocent_hubs,
    victim_and_suspect,
    what_counts,
    case_type,
    wrong_link,
    missing_link,
    same_abroad,
)
"""The tasks in the order in which an investigator meets them."""

_SUITING_CASES = range(3, 9)


@dataclass(frozen=True)
class Exercise:
    """Tasks about one network of one country of one world."""

    world: str
    country: str
    network: str
    tasks: tuple[Task, ...]

    @property
    def points(self) -> int:
        """All points that can be reached."""
        return POINTS * len(self.tasks)

    @property
    def cases(self) -> frozenset[str]:
        """Cases that the dossier holds."""
        return frozenset(case for task in self.tasks for case in task.cases)


def fingerprint(world: Path) -> str:
    """Return what tells worlds apart: the start of the digest of the table of cases.

    Raises:
        NotFound: If there is no world.
    """
    path = world / TRUTH_FOLDER / "gt_cases.csv"
    if not path.is_file():
        raise NotFound(f"There is no world in {world}: make one with `safeborders world create --out {world}`.")
    return sha256_hex(path.read_bytes())[:12]


def load_exercise(world: Path, country: str, *, network: str | None) -> Exercise:
    """Return the exercise about ``network``, or about one that suits; the same world always gives the same.

    Raises:
        NotFound: If the world, the country in it or the network in the country does not exist.
    """
    exercise, _ = _make(world, country, network=network)
    return exercise


def write_exercise(world: Path, *, country: Country, network: str | None, out: Path) -> Exercise:
    """Write an exercise into the new or empty folder ``out``.

    Raises:
        Conflict: If ``out`` holds anything.
        NotFound: If the world, the country in it or the network in the country does not exist.
    """
    if out.exists() and any(out.iterdir()):
        raise Conflict(f"The folder {out} is not empty: name a new one.")
    exercise, book = _make(world, country.value, network=network)
    out.mkdir(parents=True, exist_ok=True)
    write_dossier(out / "dossier", book, cases=exercise.cases)
    (out / "briefing.md").write_text(_briefing(exercise), encoding="utf-8")
    (out / "answers.yaml").write_text(_sheet(exercise), encoding="utf-8")
    return exercise


def _make(world: Path, country: str, *, network: str | None) -> tuple[Exercise, Casebook]:
    mark = fingerprint(world)
    found = next((one for one in Country if one.value == country and (world / country).is_dir()), None)
    if found is None:
        raise NotFound("The world has no such country: choose one that `safeborders world show` lists.")
    book = Casebook(world, found)
    name = network or _suiting(book)
    if not book.network_cases(name):
        raise NotFound("The country has no case of that network: leave --network out to get one that suits.")
    built = [builder(book, name, chance=stream(0, mark, name, builder.__name__)) for builder in BUILDERS]
    tasks = tuple(task for task in built if task is not None)
    return Exercise(world=mark, country=country, network=name, tasks=tasks), book


def _suiting(book: Casebook) -> str:
    """Return a network with some cases here, preferring one that also works abroad."""
    cases = Counter(name for name in book.networks.values() if name)
    if not cases:
        raise NotFound("The country has no planted network: make a larger world.")
    abroad = {row["network"] for row in book.table("gt_networks") if len(row["countries"].split()) > 1}
    return min(cases, key=lambda name: (cases[name] not in _SUITING_CASES, name not in abroad, -cases[name], name))


def _briefing(exercise: Exercise) -> str:
    lines = [
        f"# Exercise: a network in {exercise.country}",
        "",
        f"You investigate for {exercise.country}. The folder `dossier` holds what your file says about "
        f"{len(exercise.cases)} cases: `cases`, `persons`, `parties`, `statuses`, `things` (phones, vehicles, places), "
        "`contacts` (calls, payments), `links`, `episodes`, `indicators`. Everything is invented. Some of it is wrong, "
        "as in life: names are spelt in several ways, people are recorded twice, numbers are given out again, and "
        "grades tell how far a statement may be trusted (A to C and X for the source, 1 to 4 for the information).",
        "",
        f"Write the codes of your answers into `answers.yaml`. Each task is worth {POINTS} points; several codes may "
        "be right, and wrong ones cost.",
    ]
    for number, task in enumerate(exercise.tasks, start=1):
        lines += ["", f"## {number}. {task.title} (`{task.name}`)", "", task.question, ""]
        lines += [f"- `{choice}`" + (f" {shown}" if shown else "") for choice, shown in task.choices.items()]
    return "\n".join(lines) + "\n"


def _sheet(exercise: Exercise) -> str:
    head = {"world": exercise.world, "country": exercise.country, "network": exercise.network}
    answers: dict[str, list[str]] = {task.name: [] for task in exercise.tasks}
    return yaml.safe_dump({**head, "answers": answers}, sort_keys=False)
