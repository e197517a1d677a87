"""How the figures of a privacy audit read on a screen: words and one figure a line, at 80 columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from safeborders.node.learning.privacy_audits.battery import Figures, Finding
from safeborders.privacy.agreement.evidence import AnonymityEvidence

_ATTACKERS = {"loss": "by loss", "likelihood": "by ratio"}
_NOBODY = "released model: nobody known was left out, so\nthere is nobody to tell members from: not judged"


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print every attack under its task, with what it found in this country's records alone."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for task, group in groupby(findings, key=lambda finding: finding.verdict.task):
        table.add_row(f"[bold]{task}[/]")
        for finding in group:
            attack = finding.verdict.attack.replace("_", " ")
            table.add_row(f"  {attack}", _state(finding), "\n".join(lines_of(finding)))
    console.print("What was found, for this node alone:")
    console.print(table)


def print_kept(console: Console, kept: Sequence[AnonymityEvidence]) -> None:
    """Print the evidence that a node keeps, run by run."""
    for run, group in groupby(kept, key=lambda one: one.run):
        console.print(f"run [bold]{run}[/]")
        table = Table(box=None, pad_edge=False)
        for heading in ("  signed", "model", "verdict", "reviewer"):
            table.add_column(heading, overflow="fold")
        for one in group:
            state = "[green]withstood[/]" if one.is_complete else "[bold red]not withstood[/]"
            table.add_row(f"  {one.created_at:%Y-%m-%d %H:%M}", f"{one.model_sha256[:12]}…", state, one.reviewer)
        console.print(table)


def lines_of(finding: Finding) -> list[str]:
    """Return an attack's figures in words."""
    return list(_READERS[finding.verdict.attack](finding.figures))


def _state(finding: Finding) -> str:
    if not finding.verdict.passed:
        return "[bold red]not withstood[/]"
    is_judged = finding.figures.get("released_loss_area", 0) is not None
    return "[green]withstood[/]" if is_judged else "[yellow]not judged[/]"


def _deletion(figures: Figures) -> Iterator[str]:
    yield f"{figures['persons']} persons deleted, {figures['violations']} moved the sum too far"
    yield f"largest move {figures['worst']:.3f} of what is allowed"


def _canaries(figures: Figures) -> Iterator[str]:
    yield f"epsilon at least {figures['epsilon_at_least']:.2f}, claimed {figures['epsilon_claimed']:.2f}"
    needed = figures["right_to_refute"]
    told = "no number" if needed is None else f"{needed}"
    yield f"{figures['right']} of {figures['guesses']} guesses right, {told} would refute it"


def _membership(figures: Figures) -> Iterator[str]:
    rows = [(target, attacker) for target in ("released", "alone") for attacker in _ATTACKERS]
    for target, attacker in rows:
        name = f"{target}_{attacker}"
        if f"{name}_area" not in figures:
            continue  # a rooted network has no shadow models
        if figures[f"{name}_area"] is not None:
            area, hits = (_with_error(figures, name, of=of) for of in ("", "hits"))
            yield f"{target:8} {_ATTACKERS[attacker]:8} area {area}, hits {hits}"
        elif target == "released" and attacker == "loss":
            yield _NOBODY


def _with_error(figures: Figures, name: str, *, of: str) -> str:
    value, error = (f"{name}_hits", f"{name}_hits_error") if of else (f"{name}_area", f"{name}_error")
    return f"{figures[value]:.2f}±{figures[error]:.2f}"


def _inversion(figures: Figures) -> Iterator[str]:
    for among, words in (("among_others", "in a batch"), ("alone", "alone")):
        for attacker in ("analytic", "matching"):
            name = f"{among}_{attacker}"
            area, whole = figures[f"{name}_area"], figures[f"{name}_exact"]
            yield f"{words:10} {attacker}: area {area:.2f}, {whole} records whole"


_READERS: Mapping[str, Callable[[Figures], Iterator[str]]] = {
    "delete_one": _deletion,
    "canaries": _canaries,
    "membership": _membership,
    "inversion": _inversion,
}
