import numpy as np
import pytest
import torch

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.gnn.networks import build_networks
from safeborders.models.gnn.perceptron import build_perceptron, flat_parameters, logits_of
from safeborders.models.protocol.plan import Stage, Task

DEEP = TaskArchitecture(Task.TYPOLOGY, (5, 4, 3))


def test_a_flat_vector_survives_the_passage_through_the_modules() -> None:
    flat = np.random.default_rng(1).normal(size=DEEP.length).astype(np.float32)
    assert np.array_equal(flat_parameters(build_perceptron(DEEP, flat)), flat)


def test_layout_and_modules_agree_on_every_tensor() -> None:
    module = build_perceptron(DEEP, np.arange(DEEP.length, dtype=np.float32))
    start = 0
    for (_, shape), parameter in zip(DEEP.layout, module.parameters(), strict=True):
        size = int(np.prod(shape))
        assert tuple(parameter.shape) == shape
        assert parameter.detach().numpy().ravel().tolist() == list(range(start, start + size))
        start += size


def test_a_batch_equals_its_singles_and_an_empty_batch_is_empty() -> None:
    generator = np.random.default_rng(2)
    module = build_perceptron(DEEP, generator.normal(size=DEEP.length).astype(np.float32))
    inputs = generator.normal(size=(6, 5)).astype(np.float32)
    singles = np.concatenate([logits_of(module, inputs[i : i + 1]) for i in range(6)])
    assert np.allclose(logits_of(module, inputs), singles, atol=1e-6)
    assert logits_of(module, inputs[:0]).shape == (0, 3)


def test_tasks_take_their_own_part_of_the_model() -> None:
    both = Architecture((DEEP, TaskArchitecture(Task.LINKS, (2, 2))))
    networks = build_networks(both, np.arange(both.length, dtype=np.float32))
    assert flat_parameters(networks.get(Task.LINKS, Stage.ENCODER))[0] == DEEP.length


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="must have"):
        build_perceptron(DEEP, np.zeros(3, dtype=np.float32))
    with pytest.raises(ValueError, match="must have"):
        build_networks(ARCHITECTURE, np.zeros(3, dtype=np.float32))


def test_building_a_module_leaves_the_random_generator_alone() -> None:
    before = torch.random.get_rng_state()
    build_perceptron(DEEP, np.zeros(DEEP.length, dtype=np.float32))
    assert torch.equal(before, torch.random.get_rng_state())
