"""The benchmark of links measures what a node serves, with the scorer that lies in the repository."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.link_prediction.prior_training import EPSILON, load_prior
from benchmarks.links import PRIOR


def test_the_scorer_in_the_repository_reads_the_inputs_of_this_version() -> None:
    prior = load_prior(PRIOR)
    assert 0 < prior.epsilon <= EPSILON
    assert prior.delta == 1e-5


def test_control_a_scorer_of_other_inputs_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "prior.json"
    replace(load_prior(PRIOR), inputs_sha256="0" * 64).save(other)
    assert json.loads(other.read_text())["inputs_sha256"] == "0" * 64
    with pytest.raises(ValueError, match="--train-prior"):
        load_prior(other)
