"""toss/api.md 13: encryption, sellers and the envelope of v2."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from tests.sandbox.client import Toss
from tests.sandbox.receiver import Receiver
from tests.sandbox.sealing import ACCOUNT, COMPANY, MODE, PERSON, Payouts, new_seller, seal, unseal
from tests.sandbox.test_sandbox_events import expected, macs, sent_body

DAY = 86_400
INVALID = (400, "INVALID_REQUEST")


@pytest_asyncio.fixture(loop_scope="session")
async def payouts(toss: Toss) -> Payouts:
    return await Payouts.of(toss)


async def test_a_seller_from_registration_to_deletion(toss: Toss, payouts: Payouts) -> None:
    wanted = new_seller()
    seller = await payouts.ok("/v2/sellers", wanted)
    path = f"/v2/sellers/{seller['id']}"
    assert len(seller["id"]) <= 35
    assert seller["account"] == ACCOUNT | {"accountNumber": "123*****90123"}
    assert (seller["status"], seller["individual"]) == ("APPROVAL_REQUIRED", None)
    changed = await payouts.ok(path, {"account": ACCOUNT | {"bankCode": "06", "accountNumber": "110222333444"}})
    assert changed["account"] == ACCOUNT | {"bankCode": "004", "accountNumber": "110****33444"}
    assert changed["company"] == COMPANY
    assert await payouts.get(path) == changed
    gone = (await toss.call("DELETE", path)).json
    assert (gone["entityType"], gone["entityBody"]) == (
        "deleted-entity",
        {"id": seller["id"], "refSellerId": wanted["refSellerId"]},
    )
    missing = await toss.get(path)
    assert (missing.status, missing.json["error"]["code"]) == (404, "NOT_FOUND_SUBMALL")
    assert await payouts.code(path, {}) == (404, "NOT_FOUND_SUBMALL")
    # Not reusable, not even now.
    assert await payouts.code("/v2/sellers", wanted) == (400, "ALREADY_EXIST_SUBMALL")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"businessType": "CORPORATE"}, "PARTIALLY_APPROVED"),
        ({"businessType": "INDIVIDUAL", "company": None, "individual": PERSON}, "APPROVAL_REQUIRED"),
    ],
)
async def test_the_status_of_a_new_seller(payouts: Payouts, more: dict[str, object], status: str) -> None:
    assert (await payouts.ok("/v2/sellers", new_seller(**more)))["status"] == status


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"refSellerId": None}, "INVALID_REQUEST"),
        ({"businessType": "CLUB"}, "INVALID_REQUEST"),
        ({"businessType": "INDIVIDUAL"}, "INVALID_REQUEST"),
        ({"company": None}, "INVALID_REQUEST"),
        ({"individual": PERSON}, "INVALID_REQUEST"),
        ({"company": COMPANY | {"businessRegistrationNumber": "123"}}, "INVALID_BUSINESS_NUMBER"),
        ({"company": COMPANY | {"email": "nobody"}}, "INVALID_REQUEST"),
        ({"company": []}, "INVALID_REQUEST"),
        ({"account": None}, "INVALID_REQUEST"),
        ({"account": ACCOUNT | {"bankCode": "999"}}, "INVALID_BANK"),
        ({"account": ACCOUNT | {"accountNumber": "12-34"}}, "INVALID_ACCOUNT_NUMBER"),
        ({"metadata": dict.fromkeys("abcdef", "x")}, "INVALID_REQUEST"),
    ],
)
async def test_sellers_refused(payouts: Payouts, more: dict[str, object], code: str) -> None:
    assert await payouts.code("/v2/sellers", new_seller(**more)) == (400, code)


async def test_what_an_edit_refuses(payouts: Payouts) -> None:
    seller = await payouts.ok("/v2/sellers", new_seller())
    path = f"/v2/sellers/{seller['id']}"
    wrong: list[object] = [{"refSellerId": "another"}, {"businessType": "CORPORATE"}, {"individual": PERSON}, []]
    wrong += [{"individual": PERSON, "company": COMPANY}]
    for body in wrong:
        assert await payouts.code(path, body) == INVALID
    assert await payouts.get(path) == seller


@pytest.mark.parametrize("bank", [("39", "039"), ("KOOKMIN", "004"), ("토스", "092"), ("ST", "271"), ("209", "209")])
async def test_banks_by_every_code(payouts: Payouts, bank: tuple[str, str]) -> None:
    seller = await payouts.ok("/v2/sellers", new_seller(account=ACCOUNT | {"bankCode": bank[0]}))
    assert seller["account"]["bankCode"] == bank[1]


async def test_sellers_are_paged(toss: Toss, payouts: Payouts) -> None:
    made = [await payouts.ok("/v2/sellers", new_seller()) for _ in range(3)]
    first = await payouts.get("/v2/sellers?limit=2")
    assert first == {"hasNext": True, "lastCursor": made[1]["id"], "items": made[:2]}
    rest = await payouts.get(f"/v2/sellers?limit=2&startingAfter={first['lastCursor']}")
    assert rest == {"hasNext": False, "lastCursor": made[2]["id"], "items": made[2:]}
    for query, code in (
        ("limit=0", "INVALID_REQUEST"),
        ("limit=10001", "EXCEED_MAX_QUERY_LIMIT"),
        ("startingAfter=nobody", "INVALID_PAGING_KEY"),
    ):
        answer = await toss.get(f"/v2/sellers?{query}")
        assert (answer.status, answer.json["error"]["code"]) == (400, code)


async def test_an_encrypted_read(toss: Toss, payouts: Payouts) -> None:
    """Whoever asks for encryption gets it, also where nothing was encrypted on the way in, and for errors."""
    seller = await payouts.ok("/v2/sellers", new_seller())
    sealed = await toss.get(f"/v2/sellers/{seller['id']}", headers=MODE)
    assert unseal(sealed.raw, payouts.security_key)["entityBody"] == seller
    missing = await toss.get("/v2/sellers/nobody", headers=MODE)
    error = unseal(missing.raw, payouts.security_key)
    assert (missing.status, error["error"]["code"]) == (404, "NOT_FOUND_SUBMALL")
    assert error["traceId"] == missing.headers["x-tosspayments-trace-id"]


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": None},
        {"nonce": "not-a-uuid"},
        {"iat": None},
        {"iat": "2024-08-05T12:00:00.123+09:00"},
        {"iat": "2024-08-05T12:00:00"},
        {"iat": 1722826800},
        {"alg": "A256KW"},
        {"enc": "A128GCM"},
        {"alg": None},
    ],
    ids=str,
)
async def test_headers_refused(payouts: Payouts, changed: dict[str, object]) -> None:
    answer = await payouts.send("/v2/sellers", seal(new_seller(), payouts.security_key, **changed))
    assert unseal(answer.raw, payouts.security_key)["error"]["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize("token", [b"", b"....", b"not a token", b"a.b.c.d.e", b"\xff\xfe", b"{}", b"." * 100_000])
async def test_what_is_no_token(payouts: Payouts, token: bytes) -> None:
    answer = await payouts.send("/v2/sellers", token)
    assert (answer.status, unseal(answer.raw, payouts.security_key)["error"]["code"]) == INVALID


@pytest.mark.parametrize(
    "plaintext", [b"", b"{", b"[1]", b"[[]]", b"[],[]", b'[],"a":[]', b'"x"', b"\xff", b"[" * 50_000]
)
async def test_what_is_no_json_inside(payouts: Payouts, plaintext: bytes) -> None:
    for path in ("/v2/sellers", "/v2/payouts"):
        answer = await payouts.send(path, seal(plaintext, payouts.security_key))
        assert (answer.status, unseal(answer.raw, payouts.security_key)["error"]["code"]) == INVALID


async def test_a_nonce_is_for_one_use(payouts: Payouts) -> None:
    token = seal(new_seller(), payouts.security_key)
    assert (await payouts.send("/v2/sellers", token)).status == 200
    again = await payouts.send("/v2/sellers", token)
    assert (again.status, unseal(again.raw, payouts.security_key)["error"]["code"]) == INVALID


async def test_the_same_idempotency_key_replays_the_same_token(payouts: Payouts) -> None:
    wanted, headers = new_seller(), {"idempotency-key": "seller-1"}
    first = await payouts.send("/v2/sellers", seal(wanted, payouts.security_key), **headers)
    second = await payouts.send("/v2/sellers", seal(wanted, payouts.security_key), **headers)
    assert (first.status, second.raw, second.headers["content-type"]) == (200, first.raw, first.headers["content-type"])


async def test_plain_bodies_are_refused_in_plain(toss: Toss) -> None:
    for path in ("/v2/sellers", "/v2/payouts", "/v2/sellers/any"):
        answer = await toss.post(path, new_seller())
        assert (answer.status, answer.json["error"]["code"]) == INVALID


async def test_another_key_opens_nothing(toss: Toss, payouts: Payouts) -> None:
    answer = await payouts.send("/v2/sellers", seal(new_seller(), "ab" * 32))
    assert unseal(answer.raw, payouts.security_key)["error"]["code"] == "INVALID_REQUEST"


async def test_both_keys_work_for_seven_days_after_a_re_issue(toss: Toss, payouts: Payouts) -> None:
    await toss.ok("/sandbox/settings", {"reissueSecurityKey": True})
    new = await Payouts.of(toss)
    assert new.security_key != payouts.security_key
    for either in (payouts, new):
        await either.ok("/v2/sellers", new_seller())
    await toss.advance(7 * DAY + 60)
    late = await payouts.send("/v2/sellers", seal(new_seller(), payouts.security_key))
    assert unseal(late.raw, new.security_key)["error"]["code"] == "INVALID_REQUEST"
    await new.ok("/v2/sellers", new_seller())


async def test_who_is_not_known_hears_it_in_the_envelope(toss: Toss) -> None:
    async with Toss(toss.base_url, "live_sk_unknown") as stranger:
        answer = await stranger.get("/v2/balances", headers=MODE)
    assert (answer.status, answer.json["error"]["code"]) == (401, "UNAUTHORIZED_KEY")
    nowhere = await toss.get("/v2/nowhere")
    assert (nowhere.status, nowhere.json["error"]["code"]) == (404, "NOT_FOUND")


async def test_test_codes_and_faults_speak_the_envelope(toss: Toss, payouts: Payouts) -> None:
    played = await toss.get("/v2/balances", headers={"tosspayments-test-code": "PAYOUT_NOT_FOUND"})
    assert (played.status, played.json["error"]["code"]) == (404, "PAYOUT_NOT_FOUND")
    await toss.fault(kind="status", path="/v2/sellers", code="UNKNOWN_ERROR")
    assert await payouts.code("/v2/sellers", new_seller()) == (500, "UNKNOWN_ERROR")


async def test_what_toss_finds_out_is_told_and_signed(toss: Toss, payouts: Payouts) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": ["seller.changed"]})
        seller = await payouts.ok("/v2/sellers", new_seller())
        path = f"/sandbox/sellers/{seller['id']}/status"
        await toss.ok(path, {"status": "KYC_REQUIRED"})
        await receiver.wait_for(1)
        assert receiver.bodies[0]["entityBody"] == seller | {"status": "KYC_REQUIRED"}
        [headers] = receiver.headers
        mac = expected(payouts.security_key.encode(), await sent_body(toss), headers)
        assert macs(headers["tosspayments-webhook-signature"]) == [mac]
        # The same again is no change, and APPROVAL_REQUIRED is not told.
        for status in ("KYC_REQUIRED", "APPROVAL_REQUIRED", "APPROVED"):
            await toss.ok(path, {"status": status})
        await receiver.wait_for(2)
    told: list[Any] = [body["entityBody"]["status"] for body in receiver.bodies]
    assert told == ["KYC_REQUIRED", "APPROVED"]
    assert (await toss.post(path, {"status": "RICH"})).code == "INVALID_REQUEST"


async def test_the_log_shows_what_was_encrypted(toss: Toss, payouts: Payouts) -> None:
    wanted = new_seller()
    seller = await payouts.ok("/v2/sellers", wanted)
    [line] = (await toss.get("/sandbox/requests?path=/v2/sellers")).json["requests"]
    assert (line["body"], line["answer"]["entityBody"]) == (wanted, seller)
