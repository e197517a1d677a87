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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.privacy.dpsgd.soundness import check_rooted_module, check_rows_apart
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.rounding import CANCELLATION, CHUNK_ROWS, KEPT_SHARE, norm_error

BLOCK_ROWS = 1024
"""Rows that pass through the network at once: public and fixed, because kernels round by the shape of their input."""

_FLOOR = 1e-30  # added to squared lengths: what float32 may lose below its smallest normal numbers
_LARGEST_SUM = 2.0**52


@dataclass(eq=False)
class _Record:
    """One linear layer's input and its output's gradient for one block, positions stacked: (R, P, D).

    The gradient is None when no loss depends on the layer.
    """

    layer: nn.Linear
    inputs: torch.Tensor
    gradient: torch.Tensor | None = None
    leaf: torch.Tensor | None = None

    def __post_init__(self) -> None:
        self.inputs = _stacked(self.inputs)
        if self.gradient is not None:
            self.gradient = _stacked(self.gradient)

    def watch(self, output: torch.Tensor) -> None:
        """Have the backward pass leave the gradient of ``output`` here."""
        if output.requires_grad:
            output.register_hook(self.keep_gradient)  # type: ignore[no-untyped-call]  # torch
        else:
            self.leaf = output.requires_grad_()  # backward() hands its gradient over; a hook would make it copy that

    def keep_gradient(self, gradient: torch.Tensor) -> None:
        self.gradient = _stacked(gradient)

    def collect(self) -> "_Record":
        if self.leaf is not None and self.leaf.grad is not None:
            self.gradient = _stacked(self.leaf.grad)
        self.leaf = None
        return self


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
        self._rooms: dict[int, torch.Tensor] = {}
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
                    complete = [record.collect() for record in records]
                    factors = _factors(complete, rows=rows, clip_norm=clip_norm, scale=scale)
                    sums.append(self._block_sum(complete, factors * (scale * grid / clip_norm)).numpy())
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

    def _block_sum(self, records: list[_Record], factors: torch.Tensor) -> torch.Tensor:
        total = self._layer_sums(records, factors)
        if math.isfinite(float(total.sum())):
            return total
        # 0 * inf is nan: rows that add nothing must be taken out, not scaled.
        return self._layer_sums(records, factors, unusable=(factors == 0).view(-1, 1, 1))

    def _layer_sums(
        self, records: list[_Record], factors: torch.Tensor, *, unusable: torch.Tensor | None = None
    ) -> torch.Tensor:
        by_layer = {id(record.layer): record for record in records}
        parts: list[torch.Tensor] = []
        for layer in self._linear:
            record = by_layer.get(id(layer))
            if record is None or record.gradient is None:
                parts.append(torch.zeros(sum(p.numel() for p in layer.parameters()), dtype=torch.float64))
                continue
            a = record.inputs
            room = self._room(layer, shape=record.gradient.shape)
            scaled = torch.mul(record.gradient, factors.view(-1, 1, 1), out=room)
            if unusable is not None:
                a = a.masked_fill(unusable, 0.0)
                scaled.masked_fill_(unusable, 0.0)
            parts += _chunk_sums(a, scaled, has_bias=layer.bias is not None)
        return torch.cat(parts)

    def _room(self, layer: nn.Linear, *, shape: torch.Size) -> torch.Tensor:
        """Return memory for one layer's scaled gradients, the same step after step: fresh pages cost more than sums."""
        found = self._rooms.get(id(layer))
        if found is None or found.shape != shape:
            found = self._rooms[id(layer)] = torch.empty(shape)
        return found


def _factors(records: Iterable[_Record], *, rows: int, clip_norm: float, scale: float) -> torch.Tensor:
    """Return the factor that brings each row's gradient to at most clip_norm, rounding errors included; 0 for padding.

    A row whose norm is not finite gets 0: it adds nothing. A row whose positions cancel one another by more than
    ``CANCELLATION`` is scaled further down, because its rounding errors are as large as its uncancelled parts.
    """
    squared: list[NDArray[np.float32]] = []
    whole: list[NDArray[np.float32]] = []
    error = 0.0
    with np.errstate(all="ignore"):  # what is not finite is taken care of
        for record in records:
            if record.gradient is None:
                continue
            a, g = record.inputs, record.gradient
            exact, uncancelled = _squared_norms(a, g, bias=0.0 if record.layer.bias is None else 1.0)
            squared.append(exact)
            whole.append(uncancelled)
            error = max(error, norm_error(a.shape[1], a.shape[2] + g.shape[2]))
        if not squared:
            raise UnsoundExamples("No layer took part in the loss: call backward() on the loss of the last batch.")
        lengths = sum(whole[1:], whole[0])
        # The larger of the norm, enlarged by its error, and of a CANCELLATION-th of the uncancelled length; squares.
        bounds = np.maximum(sum(squared[1:], squared[0]) + error * lengths, lengths / CANCELLATION**2)
        kept = np.float32(clip_norm * KEPT_SHARE / scale)
        factors = kept / np.maximum(np.sqrt(bounds), kept)
    factors[~np.isfinite(bounds)] = 0
    factors[rows:] = 0
    return torch.from_numpy(factors)


def _squared_norms(a: torch.Tensor, g: torch.Tensor, *, bias: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each row's squared gradient norm of one layer, and the square of its positions' norms added uncancelled.

    The steps on few numbers are NumPy's, whose calls cost a fraction of torch's.

    Shape:
        - ``a``: :math:`(R, P, D_{in})`; ``g``: :math:`(R, P, D_{out})`; both results: :math:`(R)`.
    """
    rows, positions = a.shape[:2]
    if positions == 1:
        product = (_squared_lengths(a, extra=bias + _FLOOR) * _squared_lengths(g, extra=_FLOOR))[:, 0]
        return product, product
    if positions * (a.shape[2] + g.shape[2]) > a.shape[2] * g.shape[2]:
        products = _squared_lengths(a, extra=bias + _FLOOR) * _squared_lengths(g, extra=_FLOOR)
        formed = torch.bmm(g.transpose(1, 2), a).square().sum((1, 2), dtype=torch.float64).to(a.dtype)
        exact: NDArray[np.float32] = (formed + bias * g.sum(1).square().sum(1)).numpy()
        return exact, np.square(_row_sums(np.sqrt(products)))
    # The floor off the diagonals adds floor * (|sum a|^2 + bias P^2 + |sum g|^2): the norm is enlarged, as it may be.
    products = torch.bmm(a, a.transpose(1, 2)).numpy().reshape(rows, -1)
    products += np.float32(bias + _FLOOR)
    others = torch.bmm(g, g.transpose(1, 2)).numpy().reshape(rows, -1)
    others += np.float32(_FLOOR)
    products *= others
    return _row_sums(products), np.square(_row_sums(np.sqrt(products[:, :: positions + 1])))


def _row_sums(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    summed: NDArray[np.float32] = np.einsum("rp->r", numbers)
    return summed


def _squared_lengths(tensor: torch.Tensor, *, extra: float) -> NDArray[np.float32]:
    """Return the squared length of each position plus ``extra``; shape (R, P)."""
    lengths: NDArray[np.float32] = np.square(torch.linalg.vector_norm(tensor, dim=2).numpy())
    return lengths + np.float32(extra)


def _chunk_sums(a: torch.Tensor, scaled: torch.Tensor, *, has_bias: bool) -> list[torch.Tensor]:
    """Return the flat sums of weight and bias, each chunk of rows rounded to integers before chunks are added."""
    chunks = len(a) // CHUNK_ROWS
    a, scaled = a.reshape(chunks, -1, a.shape[2]), scaled.reshape(chunks, -1, scaled.shape[2])
    sums = [torch.bmm(scaled.transpose(1, 2), a).round_().sum(0, dtype=torch.float64).flatten()]
    if has_bias:
        sums.append(scaled.sum(1).round_().sum(0, dtype=torch.float64))
    return sums


def _stacked(tensor: torch.Tensor) -> torch.Tensor:
    """Return rows of stacked positions: (R, P, D), P = 1 for a row that is one vector."""
    return tensor.reshape(len(tensor), -1, tensor.shape[-1])
