"""All invariants, as an assertion: ``await assert_invariants(database_url)`` at the end of whatever was done."""

from paywon.audit.commands import verify
from paywon.audit.model import Break
from paywon.base.clock import SystemClock
from paywon.db.pool import Database
from paywon.invariants.commands import look_at
from paywon.invariants.model import WORDS, Finding, Invariant


async def assert_invariants(database_url: str) -> None:
    """Fail with a table of what is broken, or if the audit trail's chain is.

    Open attempts are fine, and processes may go on working.
    """
    breaks: list[Break] = []
    db = await Database.connect(database_url, max_connections=1, application_name="test-invariants")
    try:
        findings = [await look_at(db, invariant) for invariant in Invariant]
        await verify(db, SystemClock(), on_break=breaks.append)
    finally:
        await db.close()
    assert all(finding.holds for finding in findings), "\n" + table(findings)
    assert breaks == [], f"the audit trail's chain: {breaks}"


def table(findings: list[Finding]) -> str:
    """Write findings as lines: what was seen, and each violation below."""
    lines = []
    for finding in findings:
        mark = "ok " if finding.holds else "BAD"
        says = finding.trouble or WORDS[finding.invariant].en
        lines.append(f"{mark} {finding.invariant:<4} {finding.violations:>3} of {finding.checked}  {says}")
        lines += [f"         {sample.subject}: {sample.detail}" for sample in finding.samples]
    return "\n".join(lines)
