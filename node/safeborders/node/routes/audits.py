"""The audit log for a supervisory authority (LED article 25): list, verify, prove, export; each look is a row of it."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from safeborders.kit.transparency.export import Wanted, rows_of
from safeborders.kit.transparency.identity import member_of
from safeborders.models.domain.audit import Operation
from safeborders.node.access.callers import Caller
from safeborders.node.routes.context import Parts
from safeborders.node.routes.recorded_acts import ActRoute, begin_inspection

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=ActRoute)

Inspecting = Annotated[Caller, Depends(begin_inspection)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the row.")]
MOST_ROWS = 500


class Choice:
    """Which rows are wanted; FastAPI reads it from the query."""

    def __init__(  # house: FastAPI gives a dependency its arguments by name
        self,
        operation: Annotated[Operation | None, Query(description="Only this operation.")] = None,
        case: Annotated[str | None, Query(max_length=64, description="Only this case reference.")] = None,
        since: Annotated[date | None, Query(description="Only from this day on, UTC.")] = None,
        until: Annotated[date | None, Query(description="Only to the end of this day, UTC.")] = None,
    ) -> None:
        self.operation, self.case, self.since, self.until = operation, case, since, until

    def wanted(self) -> Wanted:
        """Return what picks the rows."""
        return rows_of(operation=self.operation, case=self.case, since=self.since, until=self.until)


Chosen = Annotated[Choice, Depends()]


class RowBody(BaseModel):
    """One row: identifiers, codes and hashes; empty where its record was erased after its time."""

    number: int
    record: dict[str, object]


class RowsBody(BaseModel):
    """Rows in order; ``next`` is the ``after`` of the next page, null on the last."""

    items: list[RowBody]
    next: int | None


class VerificationBody(BaseModel):
    """Whether every row is as it was written, and which other members have seen the log."""

    is_whole: bool
    rows: int
    root: str
    first_bad: int | None
    last_bad: int | None
    reason: str
    cosigned_rows: int
    cosigned_by: list[str]
    witnesses: int
    is_enough: bool


@router.get("/rows")
def list_rows(
    who: Inspecting,
    parts: Parts,
    chosen: Chosen,
    after: Annotated[int, Query(ge=0, description="Only rows behind this number.")] = 0,
) -> RowsBody:
    """Return at most 500 rows."""
    del who  # recorded by the route
    rows = parts.log.list_rows(after=after, most=MOST_ROWS, wanted=chosen.wanted())
    items = [RowBody(number=row.number, record=dict(row.record)) for row in rows]
    return RowsBody(items=items, next=rows[-1].number if len(rows) == MOST_ROWS else None)


@router.get("/verification")
def verify(who: Inspecting, parts: Parts) -> VerificationBody:
    """Check every row, the chain and all signed checkpoints."""
    del who  # recorded by the route
    verdict, witnessed = parts.log.verify()
    return VerificationBody(
        is_whole=verdict.is_whole,
        rows=verdict.size,
        root=verdict.root,
        first_bad=verdict.first_bad,
        last_bad=verdict.last_bad,
        reason=verdict.reason,
        cosigned_rows=witnessed.size,
        cosigned_by=[member_of(name) for name in witnessed.by],
        witnesses=witnessed.of,
        is_enough=witnessed.is_enough,
    )


@router.get("/checkpoint", response_class=PlainTextResponse)
def get_checkpoint(who: Inspecting, parts: Parts) -> PlainTextResponse:
    """Return the newest signed note; whoever keeps it can later see whether the log was changed."""
    del who  # recorded by the route
    return PlainTextResponse(parts.log.newest_checkpoint())


@router.get("/rows/{number}/proof", response_class=PlainTextResponse)
def prove(number: Number, who: Inspecting, parts: Parts) -> PlainTextResponse:
    """Return one row with the proof that it is in the log; safeborders audit check reads it anywhere."""
    del who  # recorded by the route
    return _lines(parts.log.prove(number))


@router.get("/export", response_class=PlainTextResponse)
def export(who: Inspecting, parts: Parts, chosen: Chosen) -> PlainTextResponse:
    """Return rows, each with its proof, below the newest signed checkpoint."""
    del who  # recorded by the route
    return _lines(parts.log.export(chosen.wanted()))


def _lines(lines: Iterable[str]) -> PlainTextResponse:
    return PlainTextResponse("".join(f"{line}\n" for line in lines))
