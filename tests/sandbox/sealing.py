"""The client's side of payouts v2, put together by hand from RFC 7516, so that it shares nothing with the sandbox."""

from __future__ import annotations

import base64
import json
import os
import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.sandbox.client import Answer, Toss

MODE = {"tosspayments-api-security-mode": "ENCRYPTION", "content-type": "text/plain"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header(**changed: object) -> dict[str, object]:
    """The protected header of a request; None leaves a member out."""
    now = datetime.now(ZoneInfo("Asia/Seoul")).isoformat(timespec="seconds")
    whole = {"alg": "dir", "enc": "A256GCM", "iat": now, "nonce": str(uuid.uuid4())} | changed
    return {name: value for name, value in whole.items() if value is not None}


def seal(value: object, security_key: str, **changed: object) -> bytes:
    """A token over a JSON value, or over bytes as they are."""
    protected = b64(json.dumps(header(**changed)).encode())
    plaintext = value if isinstance(value, bytes) else json.dumps(value).encode()
    iv = os.urandom(12)
    sealed = AESGCM(bytes.fromhex(security_key)).encrypt(iv, plaintext, protected.encode())
    return f"{protected}..{b64(iv)}.{b64(sealed[:-16])}.{b64(sealed[-16:])}".encode()


def unseal(token: bytes, security_key: str) -> Any:
    """What the sandbox said; its header is checked on the way."""
    protected, encrypted_key, iv, ciphertext, tag = token.decode().split(".")
    names = json.loads(unb64(protected))
    assert (encrypted_key, names["alg"], names["enc"]) == ("", "dir", "A256GCM")
    assert set(names) == {"alg", "enc", "iat", "nonce"}
    assert str(uuid.UUID(names["nonce"])) == names["nonce"]
    assert datetime.fromisoformat(names["iat"]).microsecond == 0
    opened = AESGCM(bytes.fromhex(security_key)).decrypt(unb64(iv), unb64(ciphertext) + unb64(tag), protected.encode())
    return json.loads(opened)


class Payouts:
    """Speaks v2 with the security key that the sandbox shows."""

    def __init__(self, toss: Toss, security_key: str) -> None:
        self.toss = toss
        self.security_key = security_key

    @classmethod
    async def of(cls, toss: Toss) -> Payouts:
        """With the newest key."""
        return cls(toss, (await toss.get("/sandbox/settings")).json["securityKeys"][0])

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, Any]:
        """Status and decrypted body of an encrypted call."""
        answer = await self.send(path, seal(body, self.security_key), **headers)
        assert answer.headers["content-type"].startswith("text/plain"), answer.raw
        return answer.status, unseal(answer.raw, self.security_key)

    async def send(self, path: str, token: bytes, **headers: str) -> Answer:
        """A token as it is."""
        return await self.toss.post(path, raw=token, headers=MODE | headers)

    async def ok(self, path: str, body: object) -> Any:
        """The entity of an encrypted call that must succeed."""
        status, answer = await self.post(path, body)
        assert status == 200, answer
        return answer["entityBody"]

    async def code(self, path: str, body: object) -> tuple[int, str]:
        """Status and code of an encrypted call that must fail."""
        status, answer = await self.post(path, body)
        assert set(answer) == {"version", "traceId", "error"}
        return status, answer["error"]["code"]

    async def get(self, path: str) -> Any:
        """The entity of a plain read."""
        answer = await self.toss.get(path)
        assert answer.status == 200, answer.raw.decode()
        return answer.json["entityBody"]


ACCOUNT = {"bankCode": "092", "accountNumber": "1234567890123", "holderName": "아무개"}
COMPANY = {"name": "테스트 상호", "representativeName": "김토페", "businessRegistrationNumber": "1234567890"}
COMPANY |= {"email": "def@toss.im", "phone": "01087654321"}
PERSON = {"name": "김토페", "email": "def@toss.im", "phone": "01087654321"}


def new_seller(**more: object) -> dict[str, object]:
    """A business of one person, as in the published sample."""
    seller = {"refSellerId": f"my-seller-{uuid.uuid4().hex[:8]}", "businessType": "INDIVIDUAL_BUSINESS"}
    return seller | {"company": COMPANY, "account": ACCOUNT, "metadata": {"key1": "value1"}} | more


def new_payout(destination: str, **more: object) -> dict[str, object]:
    """5,000 KRW at once."""
    payout = {"refPayoutId": f"my-payout-{uuid.uuid4().hex[:8]}", "destination": destination, "scheduleType": "EXPRESS"}
    return payout | {"amount": {"currency": "KRW", "value": 5000}, "transactionDescription": "8월대금지급"} | more


async def approved_seller(payouts: Payouts, status: str = "APPROVED") -> str:
    """The id of a seller who may be paid."""
    seller = await payouts.ok("/v2/sellers", new_seller())
    await payouts.toss.ok(f"/sandbox/sellers/{seller['id']}/status", {"status": status})
    return str(seller["id"])
