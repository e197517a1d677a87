"""Engines that clip wrongly, to be put in the place of ``Desk.clip``: audits must see each of them."""

from safeborders.privacy.dpsgd.clipping import Desk, Part

_CLIP = Desk.clip
_ANY_NORM = 1e30


def unclipped(desk: Desk, parts: list[Part], *, rows: int, kept: float, unit: float) -> None:
    """Take every row as it is."""
    _CLIP(desk, parts, rows=rows, kept=_ANY_NORM, unit=unit)


def by_batch(desk: Desk, parts: list[Part], *, rows: int, kept: float, unit: float) -> None:
    """Scale every row by the largest factor of the batch."""
    _CLIP(desk, parts, rows=rows, kept=kept, unit=unit)
    _CLIP(desk, parts, rows=rows, kept=_ANY_NORM, unit=float(desk.factors.max()))


def by_layer(desk: Desk, parts: list[Part], *, rows: int, kept: float, unit: float) -> None:
    """Clip each layer by itself, so that a row fills the bound once for each of them."""
    _CLIP(desk, parts, rows=rows, kept=kept, unit=unit)
    for place, part in enumerate(parts):
        alone = Desk([part.layer], [part], rows=len(part.inputs))
        _CLIP(alone, [part], rows=rows, kept=kept, unit=unit)
        desk._scaled[place].copy_(alone._scaled[0])
        desk._biases[place].copy_(alone._biases[0])
