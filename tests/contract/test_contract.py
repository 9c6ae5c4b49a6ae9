"""The short version of ``script/contract``: a few cases for each door, by a key, a user and nobody."""

import pytest

from tests.contract.callers import short_run
from tests.contract.playing import open_shop, play

pytestmark = pytest.mark.timeout(300)


async def test_the_api_keeps_what_its_document_promises() -> None:
    async with open_shop() as shop:
        told = [await play(shop, errand, seed=20261126) for errand in short_run(3)]
    assert [each.output for each in told if each.code != 0] == []
    assert all(each.cases >= 35 for each in told), "every door was tried"
