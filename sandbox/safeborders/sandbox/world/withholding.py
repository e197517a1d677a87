"""Decides which links between persons are withheld from import files, and writes the others down."""

from collections.abc import Sequence

from safeborders.models.domain.relations import RelationKind
from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.register import KnownTie, Register


def withhold_ties(register: Register, numbers: Numbers) -> list[tuple[KnownTie, bool]]:
    """Write the links between persons that are not hidden; return all with whether each is hidden.

    A fifth of the true ones is hidden, most of them late: up to a share of those of the last 18 months, the rest from
    before. Wrong links are all written, with grades that say how little they are worth.
    """
    chance, hidden = register.chance, numbers.hidden
    ties = _once(register.ties)
    true = [tie for tie in ties if tie.planted]
    late = [tie for tie in true if tie.since >= hidden.late_from]
    wanted = hidden.share * len(true)
    share_late = min(hidden.late, wanted / len(late)) if late else 0.0
    share_early = max(0.0, wanted - share_late * len(late)) / max(1, len(true) - len(late))
    decided = []
    for tie in ties:
        share = share_late if tie.since >= hidden.late_from else share_early
        is_hidden = tie.planted and chance.random() < share
        decided.append((tie, is_hidden))
        if not is_hidden and _is_recorded(register, tie, numbers):
            _write(register, tie)
    return decided


def _is_recorded(register: Register, tie: KnownTie, numbers: Numbers) -> bool:
    # Kin that nobody wrote down is neither hidden for the test nor in the files: it is simply unknown.
    return tie.kind is not RelationKind.KIN or register.chance.random() < numbers.networks.kin_recorded


def _write(register: Register, tie: KnownTie) -> None:
    chance = register.chance
    more: dict[str, object] = {"valid_from": tie.since, "role": tie.kin or None}
    if not tie.planted:
        more |= {"source_grade": chance.choice("CX"), "info_grade": 4, "statement_kind": "assessment"}
    elif chance.random() < 0.15:
        more |= {"source_grade": "C", "info_grade": 3}
    register.link(tie.kind, (tie.first, tie.second), **more)


def _once(ties: Sequence[KnownTie]) -> list[KnownTie]:
    seen: set[tuple[str, str]] = set()
    kept = []
    for tie in ties:
        names = (tie.first, tie.second) if tie.first < tie.second else (tie.second, tie.first)
        if names not in seen:
            seen.add(names)
            kept.append(tie)
    return kept
