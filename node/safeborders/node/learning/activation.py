"""What a node does with a released model: its own predictions, which stay home.

Loaded when the first model is released: what only this needs (torch_geometric, scikit-learn) would double the seconds
that every node takes to start, and again after each kill.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.governance import Purpose
from safeborders.models.gnn.networks import Networks
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.learning.evaluation import write_evaluation
from safeborders.node.learning.outcomes import LearningStore, Outcomes
from safeborders.node.learning.predictions import predict_all
from safeborders.node.learning.role_reasons import role_hypotheses
from safeborders.node.learning.suggestions import case_hypotheses, link_suggestions


def put_to_use(
    store: LearningStore,
    plan: RunPlan,
    *,
    model: tuple[NDArray[np.float32], Networks],
    purpose: Purpose,
    evaluation: Path | None,
) -> None:
    """Replace the leads in ``store`` by those of a released model.

    Args:
        store: The country's database.
        plan: Of the run that made the model.
        model: Its parameters, and the same as networks.
        purpose: Only records for it are read.
        evaluation: Folder for a file with the predictions of the three models; None writes none.
    """
    parameters, networks = model
    records = store.load_records(purpose)
    limits = {task.task: task.examples_per_person for task in plan.tasks}
    said = predict_all(records, networks, examples_per_person=limits)
    outcomes = Outcomes(
        links=link_suggestions(said.links) if said.links else (),
        cases=case_hypotheses(said.cases) if said.cases else (),
        roles=role_hypotheses(said.roles) if said.roles else (),
    )
    store.replace_outcomes(outcomes, run=plan.run, model_sha256=sha256_hex(model_to_bytes(parameters)))
    if evaluation is not None:
        write_evaluation(evaluation / f"{plan.run}.json", store.load_source_keys(), predictions=said)
