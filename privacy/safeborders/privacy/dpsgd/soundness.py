"""Which networks may be trained privately: those of layers on an allow-list, proven one by one.

Allowed as leaves are linear layers and activations, exactly these classes; inner modules may have a ``forward`` of
their own, which is probed row by row. Not allowed, among all else: normalisation over the batch (one person changes
every gradient), buffers (state that is exported without noise), tied parameters (per-example norms are not additive),
and hooks (code that nobody reviewed).
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from safeborders.privacy.dpsgd.sampling import random_words
from safeborders.privacy.errors import (
    BatchStatistics,
    EntityParameters,
    HiddenState,
    RowsMixed,
    TiedParameters,
    UnknownLayer,
)

_ROOTED_LAYERS = (nn.Linear, nn.Tanh, nn.ReLU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Identity)
_EMPTY_CONTAINERS = (nn.ModuleDict, nn.ModuleList)  # of relations that a model does not have
_ENTITY_LAYERS = (nn.Embedding, nn.EmbeddingBag)


def check_rooted_module(model: nn.Module) -> list[nn.Linear]:
    """Return the linear layers of a rooted model in order, if every part of it may be trained privately.

    Leaves must be linear layers or activations, exactly these classes; inner modules may have a ``forward`` of their
    own, which ``check_rows_apart`` probes.

    Raises:
        UnsoundModule: Its subclass names the reason.
    """
    linear: list[nn.Linear] = []
    for module in model.modules():
        _check_part(module)
        if isinstance(module, nn.Linear):
            linear.append(module)
    if not linear:
        raise UnknownLayer("The network has no linear layer to train: build it of linear layers and activations.")
    storages = [parameter.data_ptr() for layer in linear for parameter in layer.parameters()]
    if len(set(storages)) < len(storages):
        raise TiedParameters("Two layers share a parameter: give each layer its own.")
    if any(parameter.dtype != torch.float32 for parameter in model.parameters()):
        raise UnknownLayer("The network's parameters are not float32: the rounding proof is for float32 alone.")
    return linear


def check_rows_apart(model: nn.Module, inputs: tuple[torch.Tensor, ...], *, rows: int) -> None:
    """Run ``model`` on random inputs of the shapes of ``inputs``; each row must feel its own inputs alone.

    Raises:
        TiedParameters: If a linear layer runs twice in one pass.
        RowsMixed: If another row's output moves, in any bit, when one row's inputs change.
    """
    first = tuple(_probe_like(tensor, rows=rows) for tensor in inputs)
    second = tuple(_probe_like(tensor, rows=rows) for tensor in inputs)
    changed = rows // 2
    mixed = tuple(tensor.clone() for tensor in first)
    for tensor, other in zip(mixed, second, strict=True):
        tensor[changed] = other[changed]
    calls: dict[nn.Module, int] = {}

    def count(layer: nn.Module, _inputs: object, _output: object) -> None:
        calls[layer] = calls.get(layer, 0) + 1

    handles = [layer.register_forward_hook(count) for layer in model.modules() if isinstance(layer, nn.Linear)]
    before = model(*first)
    for handle in handles:
        handle.remove()
    if max(calls.values(), default=0) > 1:
        raise TiedParameters("A linear layer runs twice in one pass: stack root and neighbours into one tensor.")
    moved = (before != model(*mixed)).flatten(1).any(1) if len(before) == rows else torch.ones(rows, dtype=torch.bool)
    moved[changed] = False
    if bool(moved.any()):
        raise RowsMixed("A row of the output depends on other rows: rooted models treat every example alone.")


def _check_part(module: nn.Module) -> None:
    """Refuse one module, itself and not its children, by the first reason that fits."""
    if isinstance(module, _NormBase):
        raise BatchStatistics("A layer normalises over the batch: one person would change every gradient; remove it.")
    if isinstance(module, _ENTITY_LAYERS):
        raise EntityParameters("A layer keeps parameters per entity, which would be released: use attributes instead.")
    if _has_extras(module):
        raise HiddenState(
            "The network carries hooks, buffers or a patched forward: only plain layers are proven sound."
        )
    is_leaf = not any(True for _ in module.children())
    if is_leaf and type(module) not in (*_ROOTED_LAYERS, *_EMPTY_CONTAINERS):
        raise UnknownLayer("The network holds a layer that is not proven sound: use linear layers and activations.")
    if getattr(module, "inplace", False):
        raise UnknownLayer("An activation overwrites its input: construct it without inplace.")
    if not is_leaf and any(True for _ in module.parameters(recurse=False)):
        raise HiddenState("A module has parameters beside its layers: put them into a linear layer.")


def _probe_like(tensor: torch.Tensor, *, rows: int) -> torch.Tensor:
    """Return random inputs of the shape and type of ``tensor``: fair coins, or numbers between -2 and 2."""
    shape = (rows, *tensor.shape[1:])
    words = random_words(math.prod(shape)).reshape(shape)
    if not tensor.is_floating_point():
        return torch.from_numpy((words & np.uint64(1)).astype(np.int64)).to(tensor.dtype)
    return torch.from_numpy(words * 2.0**-62 - 2.0).to(tensor.dtype)


def _has_extras(module: nn.Module) -> bool:
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks) or any(True for _ in module.buffers(recurse=False)) or "forward" in vars(module)
