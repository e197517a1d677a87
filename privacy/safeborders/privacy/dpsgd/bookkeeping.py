r"""Book-keeping for rooted models: clipped per-example gradients from one backward pass, summed to exact integers.

Forward hooks keep each linear layer's input a and output; the backward pass brings the output's gradient g. Row i's
gradient of the weight is :math:`\sum_p g_{ip} a_{ip}^T` over its positions p (the root alone, or root and neighbours
stacked), so its squared norm is a sum over products of two small Gram matrices, and the clipped sum is one matrix
product of a and scaled g. No gradient of a weight is formed per example, none is formed twice.

Arithmetic is float32, and the proof holds for what float32 really does (docs/decisions/0111): rows pass through
the network in blocks of one fixed shape; norms are enlarged by their rounding error before they clip; and the sum is
rounded to integers chunk by chunk, so that a deleted person changes the integers of few chunks and of no other.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.privacy.dpsgd.row_loops import add_chunks, clip_rows
from safeborders.privacy.dpsgd.soundness import check_rooted_module, check_rows_apart
from safeborders.privacy.dpsgd.team import run
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.rounding import CHUNK_ROWS, KEPT_SHARE, norm_error

BLOCK_ROWS = 1024
"""Rows that pass through the network at once: public and fixed, because kernels round by the shape of their input."""

_LARGEST_SUM = 2.0**52


@dataclass(eq=False)
class _Room:
    """Memory for one layer's part of a block, the same step after step: fresh pages cost more than sums.

    Attributes:
        scaled: The output's gradients times the rows' factors. Shape (R, P, H).
        weights: Sums by chunk for the weight. Shape (chunks, H, D).
        biases: Sums by chunk for the bias. Shape (chunks, H).
    """

    scaled: torch.Tensor
    weights: torch.Tensor
    biases: torch.Tensor

    @classmethod
    def of(cls, inputs: torch.Tensor, gradient: torch.Tensor) -> "_Room":
        """Return room for a layer's inputs (R, P, D) and gradients (R, P, H)."""
        chunks, outputs = len(inputs) // CHUNK_ROWS, gradient.shape[2]
        return cls(
            torch.empty(gradient.shape), torch.empty(chunks, outputs, inputs.shape[2]), torch.empty(chunks, outputs)
        )

    def fits(self, inputs: torch.Tensor, gradient: torch.Tensor) -> bool:
        return self.scaled.shape == gradient.shape and self.weights.shape[2] == inputs.shape[2]


@dataclass(eq=False)
class _Record:
    """One linear layer's input and its output's gradient for one block, positions stacked: (R, P, D).

    The gradient is None when no loss depends on the layer.
    """

    layer: nn.Linear
    inputs: torch.Tensor
    gradient: torch.Tensor | None = None
    leaf: torch.Tensor | None = None

    def watch(self, output: torch.Tensor) -> None:
        """Have the backward pass leave the gradient of ``output`` here."""
        if output.requires_grad:
            output.register_hook(self.keep_gradient)  # type: ignore[no-untyped-call]  # torch
        else:
            self.leaf = output.requires_grad_()  # backward() hands its gradient over; a hook would make it copy that

    def keep_gradient(self, gradient: torch.Tensor) -> None:
        self.gradient = gradient

    def collect(self, rooms: dict[nn.Module, _Room]) -> "_Part | None":
        """Return the layer's part of the block, or None if no loss depends on it."""
        gradient = self.gradient if self.leaf is None else self.leaf.grad
        if gradient is None:
            return None
        a, g = _stacked(self.inputs), _stacked(gradient)
        room = rooms.get(self.layer)
        if room is None or not room.fits(a, g):
            room = rooms[self.layer] = _Room.of(a, g)
        return _Part(a, g, has_bias=self.layer.bias is not None, room=room)


@dataclass(eq=False)
class _Part:
    """What one linear layer brings to a block: inputs (R, P, D), its output's gradients (R, P, H), and room."""

    inputs: torch.Tensor
    gradient: torch.Tensor
    has_bias: bool
    room: _Room

    def sum_chunks(self) -> None:
        """Sum the chunks of rows, which are scaled already, for the weight; for the bias that is done."""
        chunks, scaled = len(self.room.weights), self.room.scaled
        by_chunk = scaled.view(chunks, -1, scaled.shape[2]).transpose(1, 2)
        torch.bmm(by_chunk, self.inputs.view(chunks, -1, self.inputs.shape[2]), out=self.room.weights)


class BookKeepingModule(nn.Module):
    """A rooted model whose backward pass leaves what private training needs, and no gradient.

    Each tensor that goes in has one row per example; row i of the output must depend on row i of the inputs alone,
    which is probed for each new shape. The module's parameters stop asking for gradients of their own.

    Args:
        module: A model of allowed layers (``soundness.check_rooted_module``).
        block_rows: Rows per block, a multiple of ``CHUNK_ROWS``; public.

    Raises:
        UnsoundModule: If ``module`` holds a part that is not proven sound.
    """

    def __init__(self, module: nn.Module, *, block_rows: int = BLOCK_ROWS) -> None:
        super().__init__()
        if block_rows < 1 or block_rows % CHUNK_ROWS:
            raise ValueError(f"block_rows must be a multiple of {CHUNK_ROWS}. Got {block_rows}.")
        self._linear = check_rooted_module(module)
        self._module = module.requires_grad_(False)
        self.block_rows = block_rows
        self._blocks: list[tuple[list[_Record], int]] = []
        self._rooms: dict[nn.Module, _Room] = {}
        self._probed: set[tuple[torch.Size, ...]] = set()
        for layer in self._linear:
            layer.register_forward_hook(self._keep)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the model's output for each row; in training, keep what the clipped sum needs.

        Shape:
            - each input: :math:`(B, *)` with the same B, which may be 0; output: :math:`(B, *)`.
        """
        if not (self.training and torch.is_grad_enabled()):
            output: torch.Tensor = self._module(*inputs)
            return output
        self._probe(inputs)
        self._blocks = []
        rows = len(inputs[0])
        outputs: list[torch.Tensor] = []
        for start in range(0, max(rows, 1), self.block_rows):
            stop = min(start + self.block_rows, rows)
            self._blocks.append(([], stop - start))
            outcome = self._module(*(self._padded(tensor, start, stop) for tensor in inputs))
            outputs.append(outcome if len(outcome) == stop - start else outcome[: stop - start])
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def clipped_integers(self, *, clip_norm: float, grid: int, scale: float = 1.0) -> NDArray[np.int64]:
        """Return the sum over the last batch of clipped gradients, in units of clip_norm / grid, and forget the batch.

        Not private; ``engine`` adds the noise. The rows must have come in uniformly random order.

        Args:
            clip_norm: Bound C on each row's gradient over all parameters.
            grid: Integer units to one clip_norm.
            scale: What gradients are multiplied by first (the batch's size when the loss was its mean).

        Returns:
            The parameters of the linear layers in the order of ``trainable``; shape (d,).

        Raises:
            UnsoundExamples: If the sum does not fit the integer grid.
        """
        sums: list[NDArray[np.float64]] = []
        blocks, self._blocks = self._blocks, []
        with torch.no_grad():
            for records, rows in blocks:
                if rows:
                    parts = self._collect(records)
                    sums.append(
                        self._block_sum(
                            parts, rows=rows, kept=clip_norm * KEPT_SHARE / scale, unit=scale * grid / clip_norm
                        )
                    )
        total = sum(sums[1:], sums[0]) if sums else np.zeros(self.dimension)
        if not -_LARGEST_SUM < total.min() <= total.max() < _LARGEST_SUM:  # false for NaN; a cast would leak signs
            raise UnsoundExamples("The sum does not fit the integer grid: nothing was released.")
        summed: NDArray[np.int64] = total.astype(np.int64)
        return summed

    @property
    def dimension(self) -> int:
        """Coordinates of the sum."""
        return sum(parameter.numel() for parameter in self.trainable())

    def trainable(self) -> Iterator[torch.Tensor]:
        """Yield the parameters in the order of the clipped sum: each linear layer's weight, then its bias."""
        for layer in self._linear:
            yield layer.weight
            if layer.bias is not None:
                yield layer.bias

    def _keep(self, layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if not (self.training and torch.is_grad_enabled() and self._blocks and isinstance(layer, nn.Linear)):
            return
        record = _Record(layer, inputs[0].detach())
        record.watch(output)
        self._blocks[-1][0].append(record)

    def _collect(self, records: list[_Record]) -> dict[nn.Module, _Part]:
        found = {record.layer: record.collect(self._rooms) for record in records}
        parts: dict[nn.Module, _Part] = {layer: part for layer, part in found.items() if part is not None}
        if not parts:
            raise UnsoundExamples("No layer took part in the loss: call backward() on the loss of the last batch.")
        return parts

    def _padded(self, tensor: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        if stop - start == self.block_rows:
            return tensor if len(tensor) == self.block_rows else tensor[start:stop]
        padded = tensor.new_zeros((self.block_rows, *tensor.shape[1:]))
        padded[: stop - start] = tensor[start:stop]
        return padded

    def _probe(self, inputs: tuple[torch.Tensor, ...]) -> None:
        shape = tuple(tensor.shape[1:] for tensor in inputs)
        if shape not in self._probed:
            with torch.no_grad():
                check_rows_apart(self._module, inputs, rows=CHUNK_ROWS)
            self._probed.add(shape)

    def _block_sum(self, parts: dict[nn.Module, _Part], *, rows: int, kept: float, unit: float) -> NDArray[np.float64]:
        """Return the exact sum of the rounded chunks of one block's clipped gradients."""
        factors = _clip(list(parts.values()), rows=rows, kept=kept, unit=unit)
        total = self._layer_sums(parts)
        if math.isfinite(total.sum()):
            return total
        # 0 * inf is nan: the inputs of rows that add nothing must be taken out too.
        unusable = (factors == 0).view(-1, 1, 1)
        for part in parts.values():
            part.inputs = part.inputs.masked_fill(unusable, 0.0)
        return self._layer_sums(parts)

    def _layer_sums(self, parts: dict[nn.Module, _Part]) -> NDArray[np.float64]:
        total = np.zeros(self.dimension)
        sums, places, place = [], [], 0
        for layer in self._linear:
            part = parts.get(layer)
            if part is not None:
                part.sum_chunks()
                sums += [part.room.weights, part.room.biases][: 1 + part.has_bias]
                places += [place, place + layer.weight.numel()][: 1 + part.has_bias]
            place += layer.weight.numel() + (0 if layer.bias is None else layer.bias.numel())
        counts = [one[0].numel() for one in sums]
        sizes = [
            len(sums[0]),
            len(sums),
            len(total),
            *(size for pair in zip(counts, places, strict=True) for size in pair),
        ]
        run(add_chunks, [np.array(sizes, dtype=np.int64), total, *sums])
        return total


def _clip(parts: list[_Part], *, rows: int, kept: float, unit: float) -> torch.Tensor:
    """Scale each row's gradients so that over all parts it fills at most ``kept``, in units; return the factors.

    Rounding errors are included: the norm that counts is enlarged by its own. Padding and rows whose norm is not finite
    get 0: they add nothing. A row whose positions cancel one another by more than ``CANCELLATION`` is scaled further
    down, because its rounding errors are as large as its uncancelled parts.
    """
    block = len(parts[0].inputs)
    sizes = [rows, block // CHUNK_ROWS, len(parts), max(part.inputs.shape[2] for part in parts)]
    error = 0.0
    arrays: list[torch.Tensor] = []
    for part in parts:
        positions, width, outputs = *part.inputs.shape[1:], part.gradient.shape[2]
        error = max(error, norm_error(positions, width + outputs))
        sizes += [positions, width, outputs, part.has_bias]
        arrays += [part.inputs, part.gradient, part.room.scaled, part.room.biases]
    factors, scratch = torch.empty(block), torch.empty(sizes[1], sizes[3])
    numbers = np.array([kept, error, unit], dtype=np.float32)
    run(clip_rows, [np.array(sizes, dtype=np.int64), numbers, scratch, factors, *arrays])
    return factors


def _stacked(tensor: torch.Tensor) -> torch.Tensor:
    """Return rows of stacked positions: (R, P, D), P = 1 for a row that is one vector.

    Raises:
        UnsoundExamples: If they are not float32, which the compiled loops and the bounds of their errors are for.
    """
    if tensor.dtype != torch.float32:
        raise UnsoundExamples("A layer ran in another precision than float32: train without autocast.")
    return tensor.reshape(len(tensor), -1, tensor.shape[-1]).contiguous()
