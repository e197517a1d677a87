import json
from pathlib import Path

import numpy as np

from safeborders.models.domain.countries import Country
from safeborders.models.gnn.networks import build_networks
from safeborders.models.protocol.plan import Task
from safeborders.node.learning.predictions import predict_all
from safeborders.sandbox.central import POOLED, fit_pooled_model, predict_pooled
from safeborders.sandbox.scoring import Truth, load_truth, score_country
from sbtest.small_country import small_country

TRUTH = Truth(
    types={"c1": "T1", "c2": "T2", "other": "T3"},
    linked=frozenset({("p0", "p1"), ("p2", "p3"), ("p0", "abroad")}),
    hidden=frozenset({("p1", "p0"), ("p0", "abroad")}),
)


def evaluation(folder: Path, *, right: float, wrong: float) -> Path:
    persons = [f"p{index}" for index in range(30)]
    pairs = [(0, 1), (2, 3), *((a, b) for a in range(4, 30) for b in range(a + 1, 30))]
    models = ("local", "federated", "personalised", "baseline")
    scores = {name: [right, 0.5, *[wrong] * (len(pairs) - 2)] for name in models}
    ones = ["T1", "T1", "T1"]
    document = {
        "cases": {"ids": ["c1", "c2", "unknown"], "local": ones, "personalised": ones, "federated": ["T1", "T2", "T1"]},
        "links": {
            "persons": persons,
            "first": [pair[0] for pair in pairs],
            "second": [pair[1] for pair in pairs],
            **scores,
            "floor": dict.fromkeys(scores, 0.0),
        },
    }
    path = folder / "evaluation.json"
    path.write_text(json.dumps(document))
    return path


def test_cases_are_compared_with_the_truth_and_unknown_ones_left_out(tmp_path: Path) -> None:
    scores = score_country(evaluation(tmp_path, right=1.0, wrong=0.1), TRUTH)
    assert scores.typology == {"local": 0.5, "federated": 1.0, "personalised": 0.5}


def test_guesses_that_are_mended_and_spoilt_are_counted(tmp_path: Path) -> None:
    path = evaluation(tmp_path, right=1.0, wrong=0.1)
    document = json.loads(path.read_text())
    assert score_country(path, TRUTH).changes == {"typology": (0, 0)}
    path.write_text(json.dumps(document | {"cases": {**document["cases"], "personalised": ["T2", "T2", "T2"]}}))
    assert score_country(path, TRUTH).changes == {"typology": (1, 1)}


def test_a_hidden_link_ranked_first_is_full_marks_and_ranked_last_is_none(tmp_path: Path) -> None:
    assert score_country(evaluation(tmp_path, right=1.0, wrong=0.1), TRUTH).links["local"] == 1.0
    assert score_country(evaluation(tmp_path, right=-1.0, wrong=0.1), TRUTH).links["local"] == 0.0


def test_a_hidden_link_that_is_no_candidate_scores_as_a_pair_of_strangers(tmp_path: Path) -> None:
    strangers = Truth(types={}, linked=frozenset({("p0", "p29")}), hidden=frozenset({("p0", "p29")}))
    assert score_country(evaluation(tmp_path, right=1.0, wrong=0.1), strangers).links["local"] < 0.5


def test_without_hidden_links_there_is_no_score(tmp_path: Path) -> None:
    nothing = Truth(types={}, linked=frozenset(), hidden=frozenset())
    scores = score_country(evaluation(tmp_path, right=1.0, wrong=0.1), nothing)
    assert np.isnan(scores.links["local"])
    assert np.isnan(scores.typology["local"])


def test_the_pooled_model_helps_a_country_with_few_labels() -> None:
    rich = {country: small_country(seed, groups=40) for seed, country in enumerate((Country.RO, Country.GR))}
    poor = small_country(9, groups=30, labelled=0.1)
    truth = small_country(9, groups=30, labelled=1.0).case_type
    said = predict_pooled(poor, fit_pooled_model({**rich, Country.FI: poor}))
    cases = said.cases
    assert cases is not None
    assert said.links is not None
    assert said.roles is not None
    right = cases.outcome.personalised.argmax(axis=1) == truth
    assert right.mean() > 0.7
    assert not cases.outcome.own_guess.any()
    cautious = predict_all(
        poor,
        build_networks(POOLED, fit_pooled_model({**rich, Country.FI: poor})),
        examples_per_person=dict.fromkeys(Task, 1),
    ).cases
    assert cautious is not None
    assert cautious.outcome.own_guess.any(), "control: a country keeps near its own guess"
    assert np.allclose(cautious.outcome.personalised - cautious.outcome.own_guess, cases.outcome.personalised)


def test_the_truth_is_read_without_the_wrong_links(tmp_path: Path) -> None:
    (tmp_path / "gt_cases.csv").write_text("case,type,network,country\nc1,T1,,gr\nc2,atypical,,gr\n")
    (tmp_path / "gt_links.csv").write_text(
        "src,dst,kind,planted,hidden\na,b,KIN,1,0\nc,d,ASSOCIATE,1,1\ne,f,ASSOCIATE,0,0\n"
    )
    (tmp_path / "gt_persons.csv").write_text(
        "person,true_entity,role,category,network\np,h1,recruiter,suspect,\nq,h2,victim,,\n"
    )
    truth = load_truth(tmp_path)
    assert truth.roles == {"p": "recruiter"}
    assert truth.types == {"c1": "T1"}
    assert truth.linked == {("a", "b"), ("c", "d")}
    assert truth.hidden == {("c", "d")}
