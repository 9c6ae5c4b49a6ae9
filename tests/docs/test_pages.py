"""The other pages: tables of docs/api.md against the code, and links that lead somewhere."""

import re

import msgspec
import pytest
from tests.docs.pages import ROOT, anchors, code, links, page, table

from paywon.base.catalogue import CATALOGUE
from paywon.billing.api import ChargeIn, IssueIn
from paywon.events.api.shapes import EndpointChangeIn, EndpointIn, RedeliveryIn, RotationIn
from paywon.orders.api import CreateOrder
from paywon.payments.api.seed1 import RefundIn, RequestIn
from paywon.payments.api.seed2 import CancelIn, ConfirmIn
from paywon.receipts.api import CancelReceiptIn, IssueReceiptIn

API = page("docs/api.md")
BODIES: dict[str, type[msgspec.Struct]] = {
    "`POST /payments/request`": RequestIn,
    "`POST /payments/confirm`, `POST /api/payments/toss/confirm`": ConfirmIn,
    "`POST /payments/{paymentId}/refund`": RefundIn,
    "`POST /api/payments/toss/{paymentKey}/cancel`": CancelIn,
    "`POST /payments/{paymentId}/cash-receipts`": IssueReceiptIn,
    "`POST /payments/{paymentId}/cash-receipts/{receiptId}/cancel`": CancelReceiptIn,
    "`POST /api/payments/toss/billing/issue`": IssueIn,
    "`POST /api/payments/toss/billing/{billingKey}`": ChargeIn,
    "`POST /api/orders`": CreateOrder,
    "`POST /api/ops/event-endpoints`": EndpointIn,
    "`PATCH /api/ops/event-endpoints/{endpointId}`": EndpointChangeIn,
    "`POST /api/ops/event-endpoints/{endpointId}/rotate-secret`": RotationIn,
    "`POST /api/ops/event-endpoints/{endpointId}/redeliver`": RedeliveryIn,
}
PAGES = sorted(
    str(file.relative_to(ROOT)) for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if file.is_file()
)


def test_every_error_code_is_listed_with_its_status_and_words() -> None:
    rows = [(code(name), int(status), words) for name, status, words in table(API, first="코드 / code")]
    assert rows == [(name, text.kind.value, text.ko) for name, text in CATALOGUE.items()]


@pytest.mark.parametrize("heading", BODIES)
def test_every_request_field_is_listed(heading: str) -> None:
    section = API.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [(code(name), required == "✓") for name, required, _meaning in table(section, first="필드 / field")]
    assert rows == [(field.encode_name, field.required) for field in msgspec.structs.fields(BODIES[heading])]


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for link in links(page(name)):
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_decision_of_the_design_has_its_record() -> None:
    numbers = [file.name[:4] for file in sorted((ROOT / "docs/adr").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    for file in (ROOT / "docs/adr").glob("*.md"):
        text = file.read_text(encoding="utf-8")
        assert text.startswith(f"# {file.name[:4]}. ")
        parts = re.findall(r"^\*\*(\w[\w ]*)\.\*\*", text, re.MULTILINE)
        assert parts[-6:] == ["Context", "Decision", "Consequences", "Measured", "Alternatives", "How to undo"]
