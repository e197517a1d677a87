"""One item ahead: in order, no further, and an error comes where its item would have come."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from safeborders.node.ingest.ahead import one_ahead


@pytest.mark.parametrize("with_pool", [True, False])
def test_items_come_in_order_and_an_error_in_its_place(with_pool: bool) -> None:
    def make() -> Iterator[int]:
        yield from range(3)
        raise ValueError("broken")

    got: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        items = one_ahead(make(), pool=pool if with_pool else None)
        with pytest.raises(ValueError, match="broken"):
            got.extend(items)
    assert got == [0, 1, 2]


@pytest.mark.parametrize(("with_pool", "ahead"), [(True, 1), (False, 0)])
def test_no_more_than_one_is_made_ahead(with_pool: bool, ahead: int) -> None:
    made: list[int] = []

    def make() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    with ThreadPoolExecutor(1) as pool:
        for number in one_ahead(make(), pool=pool if with_pool else None):
            pool.submit(int).result()  # whatever was begun is done
            assert len(made) == min(number + 1 + ahead, 5)
