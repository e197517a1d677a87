"""Which networks may be trained privately: those of layers on an allow-list, proven one by one.

Allowed is an ``nn.Sequential`` of ``nn.Linear`` and ``nn.Tanh``, exactly these classes. Each row of the output then
depends on its own row of the input alone, and smoothly. Not allowed, among all else: normalisation over the batch
(one person changes every gradient), buffers (state that is exported without noise), tied parameters (per-example
norms are not additive), hooks (code that nobody reviewed), and ReLU, whose kink turns a rounding error of one example,
caused by another, into a jump.
"""

from opacus.validators import ModuleValidator
from torch import nn

from safeborders.privacy.errors import UnsoundModule

_ALLOWED = (nn.Linear, nn.Tanh)


def check_module(model: nn.Module) -> list[nn.Linear]:
    """Return the linear layers of ``model`` in order, if it may be trained privately.

    Raises:
        UnsoundModule: If a part is not on the allow-list, or Opacus' validator objects.
    """
    if type(model) is not nn.Sequential:
        raise UnsoundModule("Private training takes a plain sequence of layers: build it from the plan's architecture.")
    layers = list(model)
    if any(type(layer) not in _ALLOWED for layer in layers):
        raise UnsoundModule("The network holds a layer that is not proven sound: use linear layers and tanh.")
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    if not linear or layers[-1] is not linear[-1]:
        raise UnsoundModule("The network must end in a linear layer: build it from the plan's architecture.")
    if any(layer.bias is None for layer in linear) or _has_tied_parameters(linear):
        raise UnsoundModule("Each linear layer needs its own weight and bias: tied parameters are not proven sound.")
    if any(_has_extras(module) for module in model.modules()):
        raise UnsoundModule("The network carries hooks or buffers: only plain layers are proven sound.")
    if ModuleValidator.validate(model, strict=False):
        raise UnsoundModule("Opacus' validator refuses the network: use linear layers and tanh in training mode.")
    return linear


def _has_tied_parameters(linear: list[nn.Linear]) -> bool:
    storages = [parameter.data_ptr() for layer in linear for parameter in (layer.weight, layer.bias)]
    return len(set(storages)) < len(storages)


def _has_extras(module: nn.Module) -> bool:
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks) or any(True for _ in module.buffers(recurse=False)) or "forward" in vars(module)
