"""The benchmark's country that starts has as few labels and links as it says, always the same ones."""

import numpy as np
from benchmarks.poor_country import made_poor

from safeborders.node.graph.persons import build_person_graph
from sbtest.small_country import small_country


def test_a_poor_country_has_as_few_labels_and_links_as_it_says() -> None:
    whole = small_country(4)
    poor = made_poor(whole, few=7)
    assert (poor.case_type >= 0).sum() == 7 < (whole.case_type >= 0).sum()
    codes = np.unique(build_person_graph(poor).ties.codes)
    assert len(codes) == 7 < len(np.unique(build_person_graph(whole).ties.codes))
    assert np.array_equal(codes, np.unique(build_person_graph(made_poor(whole, few=7)).ties.codes))
    assert all(poor.count(kind) == whole.count(kind) for kind in whole.ids)
