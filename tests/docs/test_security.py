"""docs/security.md: every promise stands beside tests that are there, or beside the record of its decision."""

import re

from tests.docs.pages import ROOT, links, page, table

SECURITY = page("docs/security.md")


def test_every_promise_names_tests_that_exist() -> None:
    promises = table(SECURITY, first="약속 / promise")
    for promise, where in promises:
        named = re.findall(r"`([^`]+)`", where)
        assert named or links(where), promise
        for name in named:
            assert (ROOT / "tests" / name).is_file(), (promise, name)
    assert len(promises) > 30
