"""All SQL of the invariants: the rules are the files in ``rules``, one each, ``(subject, detail)`` a row looked at."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from paywon.db.pool import Connection
from paywon.inbox.model import ABOUT_PAYMENTS
from paywon.invariants.model import (
    EVENT_DOCUMENT,
    KEPT_RUNS,
    NAMES,
    NAMES_IN_EVENTS,
    SAMPLES,
    TOSS_COLUMNS,
    Finding,
    Invariant,
    Run,
    Violation,
)
from paywon.payments.model import ALLOWED_MOVES, OVER_WITHOUT_MONEY, UNPAID
from paywon.payments.recovery import NO_SUCH_PAYMENT
from paywon.toss.errors import Operation, stale_codes

_RULES: Final = {
    Invariant(f"I{int(file.name[1:3])}"): file.read_text(encoding="utf-8")
    for file in sorted(Path(__file__).with_name("rules").glob("i*.sql"))
}
_MOVES: Final = [(before, after) for before, afters in ALLOWED_MOVES.items() for after in sorted(afters)]
# The allowed graph comes from the model itself, so that the two can never differ.
_ARGUMENTS: Final[dict[Invariant, tuple[list[str], ...]]] = {
    Invariant.I5: (
        [before for before, _ in _MOVES],
        [after for _, after in _MOVES],
        sorted(UNPAID | OVER_WITHOUT_MONEY),
        sorted(OVER_WITHOUT_MONEY),
    ),
    Invariant.I15: (sorted(stale_codes(Operation.CANCEL)),),
    Invariant.I18: (sorted(NO_SUCH_PAYMENT),),
    Invariant.I21: (sorted(ABOUT_PAYMENTS),),
}

# What each look may cost. One process looks at one invariant at a time, without helpers.
STATEMENT_TIMEOUT_S: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How many rows one rule saw, how many break it, and the first of these; ``trouble`` where it did not see all."""

    checked: int | None
    violations: int = 0
    samples: tuple[Violation, ...] = ()
    trouble: str | None = None


async def tread_lightly(conn: Connection) -> None:
    """Bound what each statement of the caller's transaction may cost."""
    await conn.execute(
        f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'; SET LOCAL max_parallel_workers_per_gather = 0"
    )


async def look(conn: Connection, invariant: Invariant) -> Looked:
    """Run one rule. The violating rows are fetched only where there are any."""
    rule, arguments = _RULES[invariant], _ARGUMENTS.get(invariant, ())
    counted = await conn.fetchrow(
        f"SELECT count(*) AS checked, count(detail) AS violations FROM ({rule}) looked_at",
        *arguments,
        timeout=STATEMENT_TIMEOUT_S + 5,
    )
    assert counted is not None, "an aggregate answers one row"
    samples: tuple[Violation, ...] = ()
    if counted["violations"]:
        rows = await conn.fetch(
            f"SELECT subject, detail FROM ({rule}) looked_at WHERE detail IS NOT NULL ORDER BY subject LIMIT {SAMPLES}",
            *arguments,
            timeout=STATEMENT_TIMEOUT_S + 5,
        )
        samples = tuple(Violation(subject=row["subject"], detail=row["detail"]) for row in rows)
    return Looked(checked=counted["checked"], violations=counted["violations"], samples=samples)


# --- I13: text that may hold what must not be stored ----------------------------------------------------

# How many rows of each table are searched, newest first: a row is new once. And how many of them Python looks at.
NEWEST: Final = 10_000
MAX_SUSPECTS: Final = 2_000
# A long number, without Luhn's check; the times in our order numbers (ORD-…) are put out of the way by _UNNUMBERED.
# Patterns that look around, or ignore case, take PostgreSQL ten times as long.
_DIGITS: Final = "(^|[^~0-9A-Za-z])[0-9]([ -]?[0-9]){12}"
_UNNUMBERED: Final = "replace({text}, 'ORD-', 'ORD~')"
# The names of base.redaction whose value goes, with a value that is not masked.
_NAMED: Final = (
    "([Cc]ard[-_]?([Nn]umber|[Pp]assword|[Ee]xpiration[-_]?([Yy]ear|[Mm]onth))|[Cc][Vv][CcVv]|[Aa]ccount[-_]?[Nn]umber"
    "|([Ii]dentity|[Bb]usiness|[Rr]egistration)[-_]?[Nn]umber|[Ss]ecret|[Pp]assword|[Tt]oken|[Ss]ignature"
    "|[Aa]uthorization|([Ss]ecret|[Cc]lient|[Aa]pi|[Aa]uth|[Bb]illing)[-_]?[Kk]ey)"
    '": ([0-9]|"[^[*])'
)
# A masked card number that shows more than its last four signs: a digit and, behind a star, three signs more.
_MASKED: Final = r"[0-9][ -]?\*([ -]?[0-9*]){3}|\*([ -]?[0-9]){5}"
# Closed attempts never change (ADR 0016): those of before this rule keep what they were closed with.
_BINDS: Final = "(created_at >= (SELECT since FROM audit_rules WHERE rule = 'card_last_four'))"
# A virtual account's own number may stand in our columns, in Toss's answers and in its webhooks.
_SHOWN_ACCOUNT: Final = ("{accountNumber}", "{virtualAccount,accountNumber}", "{data,virtualAccount,accountNumber}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table with its primary key and the columns that hold text or documents; the names are quoted."""

    name: str
    key: tuple[str, ...]
    texts: tuple[str, ...]
    documents: tuple[str, ...]


async def text_tables(conn: Connection) -> list[TextTable]:
    """Find every table and column that may hold text, but for names that others gave."""
    rows = await conn.fetch(
        """
        SELECT c.relname AS table_name,
               (SELECT array_agg(quote_ident(k.attname) ORDER BY array_position(i.indkey::int2[], k.attnum))
                FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey)
                WHERE i.indrelid = c.oid AND i.indisprimary) AS key,
               array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.atttypid <> 'jsonb'::regtype) AS texts,
               array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.atttypid = 'jsonb'::regtype) AS documents
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
          AND a.atttypid = ANY (ARRAY['text', 'varchar', 'text[]', 'jsonb']::regtype[])
          AND a.attname <> ALL ($1::text[])
        GROUP BY c.oid, c.relname ORDER BY c.relname
        """,
        sorted(NAMES),
    )
    return [
        TextTable(
            name=row["table_name"],
            key=tuple(row["key"] or ("ctid",)),
            texts=tuple(row["texts"] or ()),
            documents=tuple(row["documents"] or ()),
        )
        for row in rows
    ]


async def count_newest(conn: Connection, table: TextTable) -> int:
    """Count the rows of a table that are searched."""
    found: int = await conn.fetchval(f"SELECT count(*) FROM {_newest(table)}", timeout=STATEMENT_TIMEOUT_S + 5)
    return found


async def suspects(conn: Connection, table: TextTable) -> list[dict[str, Any]]:
    """Fetch the rows whose text looks suspicious: ``subject``, and each suspicious column by its name.

    ``last_four_only`` tells whether a row was written since cards are masked so far.
    """
    tests = {column: _looks_like_card(f'"{column}"::text') for column in table.texts}
    for column in table.documents:
        shown = f'(CASE WHEN {_has_members(column)} THEN "{column}"'
        shown += "".join(f" #- '{path}'" for path in _paths(column)) + f' ELSE "{column}" END)::text'
        tests[column] = f"({_looks_like_card(shown)} OR {shown} ~ $2)"
    binds = _BINDS if table.name == "payment_transactions" else "true"
    for column in TOSS_COLUMNS & tests.keys():
        tests[column] = f'({tests[column]} OR ({binds} AND "{column}"::text ~ $3))'
    columns = ", ".join(f'CASE WHEN {test} THEN "{column}" END AS "{column}"' for column, test in tests.items())
    subject = " || ' ' || ".join(f"{column}::text" for column in table.key)
    rows = await conn.fetch(
        f"""
        SELECT {subject} AS subject, {binds} AS last_four_only, {columns} FROM {_newest(table)}
        WHERE ({" OR ".join(tests.values())}) AND num_nonnulls($2::text, $3::text) = 2 LIMIT {MAX_SUSPECTS}
        """,
        _DIGITS,
        _NAMED,
        _MASKED,
        timeout=STATEMENT_TIMEOUT_S + 5,
    )
    return [dict(row) for row in rows]


def _has_members(column: str) -> str:
    """Ask whether a document is an object, and so is whatever the paths pass: an array has no members by name."""
    passed = {",".join(path.strip("{}").split(",")[:-1]) for path in _paths(column)} - {""}
    arrays = "".join(
        f""" AND jsonb_typeof("{column}" #> '{{{place}}}') IS DISTINCT FROM 'array'""" for place in sorted(passed)
    )
    return f"""jsonb_typeof("{column}") = 'object'{arrays}"""


def _looks_like_card(text: str) -> str:
    return f"{_UNNUMBERED.format(text=text)} ~ $1"


def _newest(table: TextTable) -> str:
    order = ", ".join(f"{column} DESC" for column in table.key)
    return f'(SELECT * FROM "{table.name}" ORDER BY {order} LIMIT {NEWEST}) newest'


def _paths(column: str) -> Iterable[str]:
    if column == EVENT_DOCUMENT:
        return NAMES_IN_EVENTS
    return _SHOWN_ACCOUNT if column == "virtual_account" else _SHOWN_ACCOUNT[1:]


# --- The kept runs -------------------------------------------------------------------------------------


async def insert_run(conn: Connection, run: Run) -> None:
    """Keep a run, and forget those before the newest hundred."""
    await conn.execute(
        "INSERT INTO invariant_runs (id, origin, started_at, finished_at) VALUES ($1, $2, $3, $4)",
        run.id,
        run.origin,
        run.started_at,
        run.finished_at,
    )
    await conn.executemany(
        """
        INSERT INTO invariant_results (run_id, invariant, checked, violations, samples, trouble, elapsed_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        [
            (
                run.id,
                finding.invariant,
                finding.checked,
                finding.violations,
                [{"subject": sample.subject, "detail": sample.detail} for sample in finding.samples],
                finding.trouble,
                finding.elapsed_ms,
            )
            for finding in run.findings
        ],
    )
    await conn.execute(
        f"""
        DELETE FROM invariant_runs
        WHERE id < (SELECT id FROM invariant_runs ORDER BY id DESC OFFSET {KEPT_RUNS - 1} LIMIT 1)
        """
    )


async def newest_runs(conn: Connection, limit: int) -> list[Run]:
    """Fetch the newest runs with their findings, newest first."""
    runs = await conn.fetch("SELECT * FROM invariant_runs ORDER BY id DESC LIMIT $1", limit)
    results = await conn.fetch("SELECT * FROM invariant_results WHERE run_id = ANY ($1)", [run["id"] for run in runs])
    by_run: dict[UUID, list[Finding]] = {run["id"]: [] for run in runs}
    for result in results:
        by_run[result["run_id"]].append(_finding(result))
    order = list(Invariant)
    return [
        Run(**dict(run), findings=tuple(sorted(by_run[run["id"]], key=lambda found: order.index(found.invariant))))
        for run in runs
    ]


def _finding(row: Any) -> Finding:
    return Finding(
        invariant=Invariant(row["invariant"]),
        checked=row["checked"],
        violations=row["violations"],
        samples=tuple(Violation(**sample) for sample in row["samples"]),
        trouble=row["trouble"],
        elapsed_ms=row["elapsed_ms"],
    )
