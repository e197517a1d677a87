r"""Book-keeping for rooted models: clipped per-example gradients from one backward pass, summed to exact integers.

Forward hooks keep each linear layer's input a and output; the backward pass brings the output's gradient g. Row i's
gradient of the weight is :math:`\sum_p g_{ip} a_{ip}^T` over its positions p (the root alone, or root and neighbours
stacked), so its squared norm is a sum over products of two small Gram matrices, and the clipped sum is one matrix
product of a and scaled g. No gradient of a weight is formed per example, none is formed twice.

Arithmetic is float32, and the proof holds for what float32 really does (docs/decisions/0111): rows pass through
the network in blocks of one fixed shape; norms are enlarged by their rounding error before they clip; and the sum is
rounded to integers chunk by chunk, so that a deleted person changes the integers of few chunks and of no other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.privacy.dpsgd.clipping import Desk, Part
from safeborders.privacy.dpsgd.soundness import check_rooted_module, check_rows_apart
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.rounding import CHUNK_ROWS, KEPT_SHARE

BLOCK_ROWS = 1024
"""Rows that pass through the network at once: public and fixed, because kernels round by the shape of their input."""


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

    def collect(self) -> Part | None:
        """Return the layer's part of the block, or None if no loss depends on it."""
        gradient = self.gradient if self.leaf is None else self.leaf.grad
        return None if gradient is None else Part(self.layer, self.inputs, gradient)


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
        self._dimension = sum(parameter.numel() for parameter in self.trainable())
        self.block_rows = block_rows
        self._blocks: list[tuple[list[_Record], int]] = []
        self._desk: Desk | None = None
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

    def clipped_integers(
        self, *, clip_norm: float, grid: int, scale: float = 1.0, onto: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Return the sum over the last batch of clipped gradients, in units of clip_norm / grid, and forget the batch.

        Not private; ``engine`` adds the noise. The rows must have come in uniformly random order.

        Args:
            clip_norm: Bound C on each row's gradient over all parameters.
            grid: Integer units to one clip_norm.
            scale: What gradients are multiplied by first (the batch's size when the loss was its mean).
            onto: Numbers to which the sum is added in place: its noise, say. Shape (d,).

        Returns:
            The parameters of the linear layers in the order of ``trainable``; shape (d,).

        Raises:
            UnsoundExamples: If the sum does not fit the integer grid.
        """
        summed = np.zeros(self.dimension, dtype=np.int64) if onto is None else onto
        blocks, self._blocks = self._blocks, []
        for records, rows in blocks:
            if rows:
                parts = [part for part in (record.collect() for record in records) if part is not None]
                desk = self._desk_for(parts)
                desk.clip(parts, rows=rows, kept=clip_norm * KEPT_SHARE / scale, unit=scale * grid / clip_norm)
                desk.add_to(summed)
        return summed

    @property
    def dimension(self) -> int:
        """Coordinates of the sum."""
        return self._dimension

    def trainable(self) -> Iterator[torch.Tensor]:
        """Yield the parameters in the order of the clipped sum: each linear layer's weight, then its bias."""
        for layer in self._linear:
            yield layer.weight
            if layer.bias is not None:
                yield layer.bias

    def _keep(self, layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if not (self.training and torch.is_grad_enabled() and self._blocks and isinstance(layer, nn.Linear)):
            return
        record = _Record(layer, inputs[0].detach() if inputs[0].requires_grad else inputs[0])
        record.watch(output)
        self._blocks[-1][0].append(record)

    def _desk_for(self, parts: list[Part]) -> Desk:
        if not parts:
            raise UnsoundExamples("No layer took part in the loss: call backward() on the loss of the last batch.")
        if self._desk is None or self._desk.shapes != [part.shape for part in parts]:
            self._desk = Desk(self._linear, parts, rows=self.block_rows)
        return self._desk

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
