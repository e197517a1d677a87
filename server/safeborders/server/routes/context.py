"""What the coordinator's routes need, wired once by the application factory."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from jinja2 import Environment

from safeborders.kit.clock import Clock
from safeborders.server.registry.roster import Roster
from safeborders.server.registry.views import RegistryReader
from safeborders.server.services.papers import PaperReader
from safeborders.server.services.runs import RunEpsilon


@dataclass(frozen=True)
class Context:
    """The parts behind the pages."""

    registry: RegistryReader
    roster: Roster
    papers: PaperReader
    clock: Clock
    epsilon: RunEpsilon
    templates: Environment


def get_context(request: Request) -> Context:
    """Return the parts of the application that serves ``request``."""
    context: Context = request.app.state.context
    return context


Parts = Annotated[Context, Depends(get_context)]
