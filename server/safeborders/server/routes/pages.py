"""The coordinator's pages for people: HTML without scripts."""

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from safeborders.kit.errors import NotFound
from safeborders.server.routes.context import Context, Parts
from safeborders.server.services.nodes import QUIET_AFTER, list_nodes
from safeborders.server.services.runs import Series, get_run_page
from safeborders.server.web.charts import LineChart, NamedValues, build_line_chart
from safeborders.server.web.names import TASK_NAMES

SHOWN_ROUNDS = 50
SHOWN_MODELS = 10

router = APIRouter(include_in_schema=False)


@router.get("/")
def start() -> RedirectResponse:
    """Send the reader to the nodes."""
    return RedirectResponse("/nodes", status_code=307)


@router.get("/nodes", response_class=HTMLResponse)
def nodes(parts: Parts) -> HTMLResponse:
    """Show every country of the roster."""
    now = parts.clock()
    lines = list_nodes(parts.registry, roster=parts.roster, listed=parts.papers.find_listed(), now=now)
    minutes = int(QUIET_AFTER.total_seconds() // 60)
    own = parts.papers.list_own(now=now)
    return _page(parts, "nodes.html", section="nodes", nodes=lines, papers=own, quiet_minutes=minutes)


@router.get("/runs", response_class=HTMLResponse)
def runs(parts: Parts) -> HTMLResponse:
    """Show all runs."""
    return _page(parts, "runs.html", section="runs", runs=parts.registry.list_runs())


@router.get("/runs/{run}", response_class=HTMLResponse)
def run(run: str, parts: Parts) -> HTMLResponse:
    """Show one run: convergence, privacy, rounds, models, plan."""
    try:
        page = get_run_page(run, registry=parts.registry, roster=parts.roster, epsilon=parts.epsilon)
    except NotFound as error:
        missing = _page(parts, "problem.html", section="runs", title="Not found", sentence=error.message)
        missing.status_code = 404
        return missing
    return _page(
        parts,
        "run.html",
        section="runs",
        page=page,
        charts=build_charts(page.series),
        shown_rounds=list(reversed(page.rounds))[:SHOWN_ROUNDS],
        shown_models=list(reversed(page.models))[:SHOWN_MODELS],
    )


def build_charts(series: Sequence[Series]) -> list[LineChart]:
    """Return the charts of loss and accuracy; none before the first round."""
    loss = [NamedValues(TASK_NAMES.get(one.task, one.task), one.rounds, one.loss) for one in series]
    accuracy = [NamedValues(TASK_NAMES.get(one.task, one.task), one.rounds, one.accuracy) for one in series]
    charts = [
        build_line_chart("loss", loss, title="Estimated loss", unit="nats"),
        build_line_chart("accuracy", accuracy, title="Estimated accuracy", unit="share of examples"),
    ]
    return [chart for chart in charts if chart is not None]


def _page(parts: Context, template: str, **values: object) -> HTMLResponse:
    return HTMLResponse(parts.templates.get_template(template).render(now=parts.clock(), **values))
