"""Makes the next item while the last one is worked on."""

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterator[Item], *, pool: Executor | None) -> Iterator[Item]:
    """Yield ``items``, each made in ``pool`` while the caller works on the one before; without a pool, when asked for.

    What making an item raises is raised where the item would have come. At most one waits, so memory stays bounded.
    """
    if pool is None:
        yield from items
        return
    waiting = pool.submit(next, items, None)
    while (item := waiting.result()) is not None:
        waiting = pool.submit(next, items, None)
        yield item
