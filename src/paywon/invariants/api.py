"""``/api/ops/invariants``: what the last runs found."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.params import Dependency, Parameter

from paywon.db.pool import Database
from paywon.invariants import commands
from paywon.invariants.model import KEPT_RUNS, WORDS, Finding, Run
from paywon.web.auth import needs
from paywon.web.openapi import reading
from paywon.web.query import exact_query
from paywon.web.shapes import Output

Db = Annotated[Database, Dependency(skip_validation=True)]


class ViolationOut(Output, frozen=True, kw_only=True):
    subject: str
    detail: str


class FindingOut(Output, frozen=True, kw_only=True):
    invariant: str
    says: str
    checked: int | None
    violations: int
    samples: list[ViolationOut]
    trouble: str | None
    elapsed_ms: int


class RunOut(Output, frozen=True, kw_only=True):
    id: UUID
    origin: str
    started_at: datetime
    finished_at: datetime
    holds: bool
    results: list[FindingOut]


class RunList(Output, frozen=True, kw_only=True):
    runs: list[RunOut]


class InvariantsController(Controller):
    path = "/api/ops/invariants"
    tags = ("operations",)
    guards = (exact_query,)

    @get("/", guards=[needs("ops:read")], summary="What the last looks at the invariants found", responses=reading())
    async def runs(self, db: Db, limit: Annotated[int, Parameter(ge=1, le=KEPT_RUNS)] = 1) -> RunList:
        """The newest run first; one is kept each hour and for each ``paywon invariants``."""
        return RunList(runs=[run_out(run) for run in await commands.last_runs(db, limit=limit)])


def run_out(run: Run) -> RunOut:
    return RunOut(
        id=run.id,
        origin=run.origin,
        started_at=run.started_at,
        finished_at=run.finished_at,
        holds=run.holds,
        results=[_finding_out(finding) for finding in run.findings],
    )


def _finding_out(finding: Finding) -> FindingOut:
    return FindingOut(
        invariant=finding.invariant,
        says=WORDS[finding.invariant].en,
        checked=finding.checked,
        violations=finding.violations,
        samples=[ViolationOut(subject=sample.subject, detail=sample.detail) for sample in finding.samples],
        trouble=finding.trouble,
        elapsed_ms=finding.elapsed_ms,
    )
