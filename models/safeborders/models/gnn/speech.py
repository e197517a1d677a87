"""What a case says to the cases around it, and what a rooted network takes as a root's own.

Every row is computed in blocks of one fixed shape: kernels round a row differently in batches of different size, and
one deleted case must not change a single bit of what another says (docs/decisions/0160).
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from safeborders.models.architecture import TaskArchitecture
from safeborders.models.gnn.networks import Networks
from safeborders.models.gnn.relational import MessageRule, public_projection
from safeborders.models.gnn.rooted import Floats32, Speakers
from safeborders.models.graph.csr import CuratedGraph
from safeborders.models.graph.features import SPECIFICATION, SPEECH_SEED, SPEECH_WIDTH
from safeborders.models.protocol.plan import Stage

_BLOCK_ROWS = 256
_AGE_COLUMN = 0

RULES: Mapping[str, MessageRule] = {
    relation.name: MessageRule(age_column=_AGE_COLUMN, half_life_years=relation.half_life_years)
    for relation in SPECIFICATION.case_relations
}
"""How links between cases fade."""


def prepare_network(
    shape: TaskArchitecture, networks: Networks, *, graph: CuratedGraph, inputs: Floats32
) -> tuple[Floats32, Speakers]:
    """Return what every node brings as a root (``own``), and what it says to others.

    Args:
        shape: Of a head or a rooted GraphSAGE.
        networks: All networks of the model; a head reads its task's encoder.
        graph: Links between the nodes.
        inputs: Of the nodes. Shape (N, F).
    """
    if shape.stage is Stage.SAGE:
        return inputs, Speakers(graph, inputs, RULES)
    logits = logits_in_blocks(networks.get(shape.task, Stage.ENCODER), inputs, classes=shape.classes)
    return logits, Speakers(graph, speech(inputs, logits), RULES)


def speech(inputs: Floats32, logits: Floats32) -> Floats32:
    """Return what each case says: a public projection of its indicators, and what the encoder makes of them."""
    projection = torch.from_numpy(public_projection(inputs.shape[1], to=SPEECH_WIDTH, seed=SPEECH_SEED)).float()
    projected = _in_blocks(lambda block: block @ projection, inputs, width=SPEECH_WIDTH)
    believed = _in_blocks(lambda block: torch.softmax(block, dim=1), logits, width=logits.shape[1])
    return np.concatenate([projected, believed], axis=1)


def logits_in_blocks(module: nn.Module, inputs: Floats32, *, classes: int) -> Floats32:
    """Return the logits of each row, bit by bit a function of that row alone."""
    return _in_blocks(module, inputs, width=classes)


def _in_blocks(function: Callable[[torch.Tensor], torch.Tensor], rows: Floats32, *, width: int) -> Floats32:
    found = np.zeros((len(rows), width), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(rows), _BLOCK_ROWS):
            part = rows[start : start + _BLOCK_ROWS]
            block = torch.zeros((_BLOCK_ROWS, rows.shape[1]))
            block[: len(part)] = torch.from_numpy(part)
            found[start : start + len(part)] = function(block).numpy()[: len(part)]
    return found
