"""The bound that federation is measured against, computed beside the run at low priority."""

import json
import os
from pathlib import Path

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.files import write_atomically
from safeborders.node.learning.evaluation import write_evaluation
from safeborders.node.opening import open_node_store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.sandbox.central import fit_pooled_model, predict_pooled
from safeborders.sandbox.scoring import load_truth, score_country

_POLITE = 10  # the federation itself goes first


def write_bound(folder: Path) -> None:
    """Write the mean scores of the pooled model over all countries of the demonstration in ``folder``."""
    os.nice(_POLITE)
    truth = load_truth(folder / "world" / "ground_truth")
    settings = [load_settings(path, NodeSettings) for path in sorted(folder.glob("node.*.yaml"))]
    stores = {one.country: open_node_store(one) for one in settings}
    learning = {country: SqlLearningStore(store.engine) for country, store in stores.items()}
    records = {country: store.load_records() for country, store in learning.items()}
    model = fit_pooled_model(records)
    scores = []
    for country, known in records.items():
        predictions = predict_pooled(known, model)
        path = folder / "bound" / f"{country.value}.json"
        write_evaluation(path, learning[country].load_source_keys(), predictions=predictions)
        scores.append(score_country(path, truth))
    document = {
        "typology": sum(one.typology["personalised"] for one in scores) / len(scores),
        "links": sum(one.links["personalised"] for one in scores) / len(scores),
        "roles": sum(one.roles["personalised"] for one in scores) / len(scores),
    }
    write_atomically(folder / "bound.json", json.dumps(document).encode())
    for store in stores.values():
        store.close()
