"""Clipping and summing one block of rows: memory, tables and compiled loops for all layers of one shape.

A step passes over far more memory than caches hold, so that each call from Python finds its code cold; what does not
change between steps is therefore laid out once.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.privacy.dpsgd.row_loops import FIRST_LAYER, LAYER_ARRAYS, add_chunks, add_integers, clip_rows
from safeborders.privacy.dpsgd.team import Task
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.rounding import CHUNK_ROWS, norm_error

_LARGEST_SUM = 2.0**52


@dataclass(eq=False)
class Part:
    """What one linear layer brings to a block: its inputs and its output's gradients.

    Shape:
        - inputs: :math:`(R, *, D)`, gradient: :math:`(R, *, H)` with the same positions between, perhaps none.

    Raises:
        UnsoundExamples: If they are not float32, which the compiled loops and the bounds of their errors are for.
    """

    layer: nn.Linear
    inputs: torch.Tensor
    gradient: torch.Tensor

    def __post_init__(self) -> None:
        if not self.inputs.dtype == self.gradient.dtype == torch.float32:
            raise UnsoundExamples("A layer ran in another precision than float32: train without autocast.")
        self.inputs, self.gradient = self.inputs.contiguous(), self.gradient.contiguous()

    @property
    def sizes(self) -> tuple[int, int, int, bool]:
        """Positions, inputs, outputs, and whether there is a bias."""
        positions = math.prod(self.inputs.shape[1:-1])
        return positions, self.layer.in_features, self.layer.out_features, self.layer.bias is not None

    @property
    def shape(self) -> tuple[nn.Linear, torch.Size, torch.Size]:
        """What two blocks must share to share a desk."""
        return self.layer, self.inputs.shape, self.gradient.shape


class Desk:
    """Where blocks of one shape are clipped and summed, one after the other.

    Args:
        layers: All linear layers, in the order of the sum.
        parts: The parts of a block, of those layers that a loss depends on.
        rows: Rows of a block.

    Raises:
        UnsoundExamples: If a layer has other rows.
    """

    def __init__(self, layers: list[nn.Linear], parts: list[Part], *, rows: int) -> None:
        if any(len(part.inputs) != rows or part.inputs.shape[:-1] != part.gradient.shape[:-1] for part in parts):
            raise UnsoundExamples("A layer sees other rows than the examples: keep one row for each in every layer.")
        chunks = rows // CHUNK_ROWS
        self.shapes = [part.shape for part in parts]
        self.factors = torch.empty(rows)
        self._parts: list[Part] = []
        self._weights = [torch.empty(chunks, *part.layer.weight.shape) for part in parts]
        self._biases = [torch.empty(chunks, part.layer.out_features) for part in parts]
        scaled = [torch.empty(part.gradient.shape) for part in parts]
        self._scaled = [one.view(chunks, -1, one.shape[-1]).transpose(1, 2) for one in scaled]
        widest = max(part.layer.in_features for part in parts)
        self._sizes = _sizes(rows, chunks, len(parts), widest, *(size for part in parts for size in part.sizes))
        self._numbers = np.zeros(3, dtype=np.float32)
        self._error = max(norm_error(part.sizes[0], part.layer.in_features + part.layer.out_features) for part in parts)
        written = [one for pair in zip(scaled, self._biases, strict=True) for one in (None, None, *pair)]
        scratch = torch.empty(chunks, widest)
        self._clip = Task(clip_rows, [self._sizes, self._numbers, scratch, self.factors, *written])
        self._total = np.zeros(sum(map(_dimension, layers)))
        self._add = Task(add_chunks, self._sums(layers))

    def _sums(self, layers: list[nn.Linear]) -> list[NDArray[Any] | torch.Tensor | None]:
        """Return what ``add_chunks`` takes: which sums by chunk go where in the total."""
        starts = np.cumsum([0, *map(_dimension, layers)]).tolist()
        sums: list[NDArray[Any] | torch.Tensor | None] = []
        sizes: list[int] = []
        for (layer, _, _), weights, biases in zip(self.shapes, self._weights, self._biases, strict=True):
            start = starts[layers.index(layer)]
            sums.append(weights)
            sizes += [layer.weight.numel(), start]
            if layer.bias is not None:
                sums.append(biases)
                sizes += [layer.out_features, start + layer.weight.numel()]
        return [_sizes(len(self._weights[0]), len(sums), len(self._total), *sizes), self._total, *sums]

    def clip(self, parts: list[Part], *, rows: int, kept: float, unit: float) -> None:
        """Scale each row's gradients so that over all layers it fills at most ``kept``, in units of 1 / ``unit``.

        Rounding errors are included: the norm that counts is enlarged by its own. Padding (from ``rows`` on) and rows
        whose norm is not finite get a factor of 0: they add nothing. A row whose positions cancel one another by more
        than ``CANCELLATION`` is scaled further down, because its rounding errors are as large as its uncancelled parts.
        """
        self._parts = parts
        self._sizes[0] = rows
        self._numbers[:] = kept, self._error, unit
        for place, part in enumerate(parts):
            self._clip.point(FIRST_LAYER + LAYER_ARRAYS * place, part.inputs)
            self._clip.point(FIRST_LAYER + LAYER_ARRAYS * place + 1, part.gradient)
        self._clip.run()

    def add_to(self, summed: NDArray[np.int64]) -> None:
        """Add the clipped rows, each chunk's sum rounded to integers, and forget the block.

        Raises:
            UnsoundExamples: If the sum does not fit the integer grid.
        """
        parts, self._parts = self._parts, []
        if self._add_up(parts, summed):
            return
        for part in parts:  # 0 * inf is nan: the inputs of rows that add nothing must be taken out too
            unusable = (self.factors == 0).view(-1, *[1] * (part.inputs.ndim - 1))
            part.inputs = part.inputs.masked_fill(unusable, 0.0)
        if not self._add_up(parts, summed):
            raise UnsoundExamples("The sum does not fit the integer grid: nothing was released.")

    def _add_up(self, parts: list[Part], summed: NDArray[np.int64]) -> bool:
        for part, scaled, weights in zip(parts, self._scaled, self._weights, strict=True):
            torch.bmm(scaled, part.inputs.view(len(weights), -1, weights.shape[2]), out=weights)
        self._add.run()
        return add_integers(self._total, summed, most=_LARGEST_SUM)


def _dimension(layer: nn.Linear) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())


def _sizes(*sizes: int) -> NDArray[np.int64]:
    return np.array(sizes, dtype=np.int64)
