"""Flower's own secure aggregation, cheated by its server: the control that shows what our protocol must not allow.

The client code is Flower's (``secaggplus_mod``), called in this process. The server lists one node as active and as
dropped at once; each peer then gives both kinds of shares, and the node's update comes out (crypto.md 2.1).
"""

import importlib
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from flwr.app import ConfigRecord
from flwr.common import ndarrays_to_parameters
from flwr.common.secure_aggregation.crypto.shamir import combine_shares
from flwr.common.secure_aggregation.crypto.symmetric_encryption import generate_shared_key
from flwr.common.secure_aggregation.ndarrays_arithmetic import factor_extract, parameters_mod, parameters_subtraction
from flwr.common.secure_aggregation.quantization import dequantize
from flwr.common.secure_aggregation.secaggplus_constants import Key
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen
from flwr.compat.common.parameter import bytes_to_ndarray
from flwr.supercore.primitives.asymmetric import bytes_to_private_key, bytes_to_public_key
from numpy.typing import NDArray

# Its package hides the module behind a function of the same name.
flower = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")

_LEVELS = 1 << 22
_EXAMPLES = 500


@dataclass
class _Run:
    states: dict[int, Any]
    masked: dict[int, list[NDArray[Any]]]


def recover_from_flower(update: NDArray[np.float64], *, nodes: int = 9, victim: int = 4) -> NDArray[np.float64]:
    """Return what the server learns of the victim's ``update``."""
    run = _run_to_the_upload(update, nodes=nodes, victim=victim)
    others = [node for node in range(1, nodes + 1) if node != victim]
    seed, private_key = _ask_for_both(run, others=others, victim=victim)
    state, vectors = run.states[victim], run.masked[victim]
    shapes = [vector.shape for vector in vectors]
    vectors = parameters_subtraction(vectors, pseudo_rand_gen(seed, state.mod_range, shapes))
    for node in others:
        shared = generate_shared_key(bytes_to_private_key(private_key), bytes_to_public_key(run.states[node].pk1))
        mask = pseudo_rand_gen(shared, state.mod_range, shapes)
        vectors = parameters_subtraction(vectors, mask if victim > node else [-one for one in mask])
    weight, levels = factor_extract(parameters_mod(vectors, state.mod_range))
    plain = dequantize(levels, state.clipping_range, state.target_range)[0]
    return cast("NDArray[np.float64]", plain * (_LEVELS / weight))


def _ask_for_both(run: _Run, *, others: list[int], victim: int) -> tuple[bytes, bytes]:
    question = {Key.ACTIVE_NODE_ID_LIST: [*others, victim], Key.DEAD_NODE_ID_LIST: [victim]}
    seeds, keys = [], []
    for node in others:
        answer = flower._unmask(run.states[node], ConfigRecord(question))
        names, shares = cast("list[int]", answer[Key.NODE_ID_LIST]), cast("list[bytes]", answer[Key.SHARE_LIST])
        seed, key = (share for name, share in zip(names, shares, strict=True) if name == victim)
        seeds.append(seed)
        keys.append(key)
    return combine_shares(seeds), combine_shares(keys)


def _run_to_the_upload(update: NDArray[np.float64], *, nodes: int, victim: int) -> _Run:
    names = range(1, nodes + 1)
    settings = {
        Key.SAMPLE_NUMBER: nodes,
        Key.SHARE_NUMBER: nodes,
        Key.THRESHOLD: 6,
        Key.CLIPPING_RANGE: 8.0,
        Key.TARGET_RANGE: _LEVELS,
        Key.MOD_RANGE: 1 << 32,
        Key.MAX_WEIGHT: 1000.0,
    }
    states = {name: flower.SecAggPlusState(nid=name) for name in names}
    keys = {name: flower._setup(states[name], ConfigRecord(settings)) for name in names}
    public = {str(name): [keys[name][Key.PUBLIC_KEY_1], keys[name][Key.PUBLIC_KEY_2]] for name in names}
    boxes = _share_keys(states, public)
    masked = {}
    for name in names:
        sources, ciphertexts = zip(*boxes[name], strict=True)
        received = ConfigRecord({Key.SOURCE_LIST: list(sources), Key.CIPHERTEXT_LIST: list(ciphertexts)})
        vector = update if name == victim else np.zeros_like(update)
        sent = flower._collect_masked_vectors(states[name], received, _EXAMPLES, ndarrays_to_parameters([vector]))
        masked[name] = [bytes_to_ndarray(one) for one in cast("list[bytes]", sent[Key.MASKED_PARAMETERS])]
    return _Run(states=states, masked=masked)


def _share_keys(states: dict[int, Any], public: dict[str, Any]) -> dict[int, list[tuple[int, bytes]]]:
    boxes: dict[int, list[tuple[int, bytes]]] = {name: [] for name in states}
    for name, state in states.items():
        sent = flower._share_keys(state, ConfigRecord(public))
        to = cast("list[int]", sent[Key.DESTINATION_LIST])
        for other, box in zip(to, cast("list[bytes]", sent[Key.CIPHERTEXT_LIST]), strict=True):
            boxes[other].append((name, box))
    return boxes
