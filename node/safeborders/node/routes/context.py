"""What the node's routes need, wired once by the application factory."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from safeborders.kit.clock import Clock
from safeborders.node.access.journal import LookupJournal, Tokens
from safeborders.node.services.records import RecordReader


@dataclass(frozen=True)
class Context:
    """The parts behind the API."""

    records: RecordReader
    tokens: Tokens
    journal: LookupJournal
    clock: Clock


def get_context(request: Request) -> Context:
    """Return the parts of the application that serves ``request``."""
    context: Context = request.app.state.context
    return context


Parts = Annotated[Context, Depends(get_context)]
