"""All invariants, as an assertion: ``await assert_invariants(database_url)`` at the end of whatever was done."""

from paywon.db.pool import Database
from paywon.invariants.commands import look_at
from paywon.invariants.model import WORDS, Finding, Invariant


async def assert_invariants(database_url: str) -> None:
    """Fail with a table of what is broken; open attempts are fine, processes may go on working."""
    db = await Database.connect(database_url, max_connections=1, application_name="test-invariants")
    try:
        findings = [await look_at(db, invariant) for invariant in Invariant]
    finally:
        await db.close()
    assert all(finding.holds for finding in findings), "\n" + table(findings)


def table(findings: list[Finding]) -> str:
    """Write findings as lines: what was seen, and each violation below."""
    lines = []
    for finding in findings:
        mark = "ok " if finding.holds else "BAD"
        says = finding.trouble or WORDS[finding.invariant].en
        lines.append(f"{mark} {finding.invariant:<4} {finding.violations:>3} of {finding.checked}  {says}")
        lines += [f"         {sample.subject}: {sample.detail}" for sample in finding.samples]
    return "\n".join(lines)
