"""Sellers of payouts v2 (toss/api.md 13)."""

from __future__ import annotations

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.payouts import Company, Individual, PayoutAccount, Seller, SellerRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.rules.params import Params
from paywon_sandbox.webhooks.events import announce_seller

BUSINESS_TYPES = ("INDIVIDUAL", "INDIVIDUAL_BUSINESS", "CORPORATE")
STATUSES = ("APPROVAL_REQUIRED", "PARTIALLY_APPROVED", "KYC_REQUIRED", "APPROVED")
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_PHONE = r"[0-9]{8,15}"
_BUSINESS_NUMBER = r"[0-9]{10}"
_ACCOUNT_NUMBER = r"[0-9]{1,20}"


def register(account: Account, params: Params) -> Seller:
    """A new seller. Its refSellerId can never be used again, not even after a deletion."""
    business_type = _business_type(params)
    seller = Seller(
        id="",
        ref_seller_id=params.text("refSellerId", longest=64),
        business_type=business_type,
        company=_company(params.child("company")),
        individual=_individual(params.child("individual")),
        account=read_account(params.child("account")),
        status=inferred.NEW_SELLER_STATUS[business_type],
        metadata=params.metadata(),
    )
    _check_person(seller)
    if any(known.seller.ref_seller_id == seller.ref_seller_id for known in account.sellers.values()):
        raise TossError(inferred.KNOWN_SELLER)
    seller.id = ids.seller_id()
    account.keep_seller(SellerRecord(number=account.next_number(), seller=seller))
    return seller


def edit(account: Account, seller_id: str, params: Params) -> Seller:
    """What is sent replaces what was there. The refSellerId is immutable; so is the business type: undocumented."""
    company = _company(params.child("company")) if params.has("company") else None
    individual = _individual(params.child("individual")) if params.has("individual") else None
    bank_account = read_account(params.child("account")) if params.has("account") else None
    metadata = params.metadata()
    record = find(account, seller_id)
    seller = record.seller
    for name, fixed in (("refSellerId", seller.ref_seller_id), ("businessType", seller.business_type)):
        if params.optional_text(name) not in (None, fixed):
            raise TossError("INVALID_REQUEST")
    if (company and seller.company is None) or (individual and seller.individual is None):
        raise TossError("INVALID_REQUEST")
    seller.company, seller.individual = company or seller.company, individual or seller.individual
    seller.account, seller.metadata = bank_account or seller.account, metadata or seller.metadata
    account.keep_seller(record)
    return seller


def find(account: Account, seller_id: str) -> SellerRecord:
    """A seller that is there and not deleted."""
    record = account.sellers.get(seller_id)
    if record is None or record.deleted:
        raise TossError(inferred.UNKNOWN_SELLER)
    return record


def delete(account: Account, seller_id: str) -> dict[str, str]:
    """What a deletion answers: both ids."""
    record = find(account, seller_id)
    record.deleted = True
    account.keep_seller(record)
    return {"id": record.seller.id, "refSellerId": record.seller.ref_seller_id}


def listed(account: Account) -> dict[str, Seller]:
    """Every seller by its id, oldest first."""
    return {key: record.seller for key, record in account.sellers.items() if not record.deleted}


def order_status(account: Account, seller_id: str, params: Params) -> Seller:
    """Control door: what Toss finds out about a seller."""
    status = params.text("status")
    if status not in STATUSES:
        raise TossError("INVALID_REQUEST")
    record = find(account, seller_id)
    set_status(account, record, status)
    return record.seller


def set_status(account: Account, record: SellerRecord, status: str) -> None:
    """Change it and tell of it; APPROVAL_REQUIRED is not told (toss/webhooks.md [1src])."""
    if record.seller.status == status:
        return
    record.seller.status = status
    account.keep_seller(record)
    if status != "APPROVAL_REQUIRED":
        announce_seller(account, record.seller)


def read_account(account: Params | None) -> PayoutAccount:
    """A bank account by either kind of code (toss/codes.md); the number is kept masked, as every answer shows it."""
    if account is None:
        raise TossError("INVALID_REQUEST")
    bank = codes.payout_bank(account.text("bankCode", longest=20))
    if bank is None:
        raise TossError("INVALID_BANK")
    number = account.required_pattern("accountNumber", _ACCOUNT_NUMBER, code="INVALID_ACCOUNT_NUMBER")
    holder = account.text("holderName", longest=60)
    return PayoutAccount(bank_code=bank, account_number=masked(number), holder_name=holder)


def masked(number: str) -> str:
    """`123*****90123`: three digits, stars, the last five; a short number keeps fewer at its end."""
    shown = min(5, max(0, len(number) - 4))
    return number[:3] + "*" * (len(number) - 3 - shown) + number[len(number) - shown :]


def _business_type(params: Params) -> str:
    wanted = params.text("businessType")
    if wanted not in BUSINESS_TYPES:
        raise TossError("INVALID_REQUEST")
    return wanted


def _company(company: Params | None) -> Company | None:
    if company is None:
        return None
    return Company(
        name=company.text("name", longest=100),
        representative_name=company.text("representativeName", longest=100),
        business_registration_number=company.required_pattern(
            "businessRegistrationNumber", _BUSINESS_NUMBER, code="INVALID_BUSINESS_NUMBER"
        ),
        email=company.required_pattern("email", _EMAIL, code="INVALID_REQUEST"),
        phone=company.required_pattern("phone", _PHONE, code="INVALID_REQUEST"),
    )


def _individual(individual: Params | None) -> Individual | None:
    if individual is None:
        return None
    return Individual(
        name=individual.text("name", longest=100),
        email=individual.required_pattern("email", _EMAIL, code="INVALID_REQUEST"),
        phone=individual.required_pattern("phone", _PHONE, code="INVALID_REQUEST"),
    )


def _check_person(seller: Seller) -> None:
    """An INDIVIDUAL is described by `individual`, the other two by `company`; the one that does not fit is null."""
    as_person = seller.business_type == "INDIVIDUAL"
    if (seller.individual is None) == as_person or (seller.company is None) != as_person:
        raise TossError("INVALID_REQUEST")
