"""Orders go to the node that holds a country's Flower key, whatever Flower's own database says of names."""

import pytest

from safeborders.models.domain.countries import Country
from safeborders.server.federation.flower_adapter import FlowerNode
from safeborders.server.federation.runner import numbers_of

KEYS = {Country.GR: "greek", Country.IT: "italian"}


def node(name: str, key: str, *, number: int = 7) -> FlowerNode:
    return FlowerNode(node_id=number, name=name, public_key=key.encode(), status="online", activated_at="")


@pytest.mark.parametrize(
    "nodes",
    [
        [node("gr", "italian")],
        [node("gr", "stranger")],
        [node("gr", "")],
        [node("bg", "greek")],
        [node("bg", "")],
        [node("nowhere", "greek")],
    ],
)
def test_a_node_with_another_key_than_its_countrys_gets_no_order(nodes: list[FlowerNode]) -> None:
    assert numbers_of(nodes, keys=KEYS) == {}


def test_control_each_country_is_found_by_its_own_key() -> None:
    nodes = [node("gr", "stranger", number=1), node("gr", "greek", number=2), node("it", "italian", number=3)]
    assert numbers_of(nodes, keys=KEYS) == {"gr": 2, "it": 3}
