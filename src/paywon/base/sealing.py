"""Keeps secrets that must be read again: AES-GCM under a ring of keys, and keyed digests to find them by.

The first key of the ring seals, every key opens, so a key can be replaced without a stop.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
_NAME_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"


class CannotOpen(Exception):  # noqa: N818 - it says what is the case
    """No key of the ring opens what was sealed: a key is missing, or the bytes were changed or belong elsewhere."""


class KeyRing:
    """Keys of 32 bytes; the first one seals.

    ``purpose`` binds what is sealed to its place: bytes copied into another row or column do not open there.
    """

    def __init__(self, keys: list[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a key ring holds keys of {KEY_BYTES} bytes, one at least")
        self._keys = {_name(key): key for key in keys}
        self._first = _name(keys[0])

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """Read a ring from base64 keys with commas between them.

        Raises:
            ValueError: a key is no base64 of 32 bytes.
        """
        try:
            return cls([base64.b64decode(part.strip(), validate=True) for part in text.split(",")])
        except binascii.Error as error:
            raise ValueError("not base64") from error

    @property
    def first_key(self) -> bytes:
        """The key that seals."""
        return self._keys[self._first]

    @property
    def names(self) -> list[str]:
        """What tells the keys apart without giving anything away, the first first."""
        return [name.hex() for name in self._keys]

    @property
    def head(self) -> bytes:
        """How everything begins that the first key sealed."""
        return _VERSION + self._first

    def seal(self, value: bytes, *, purpose: str) -> bytes:
        """Encrypt ``value``; the same value sealed twice differs."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._keys[self._first]).encrypt(nonce, value, purpose.encode())
        return self.head + nonce + sealed

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Decrypt what ``seal`` made for the same purpose.

        Raises:
            CannotOpen: no key of the ring fits, or it was sealed for another purpose.
        """
        head, name, rest = sealed[:1], sealed[1 : 1 + _NAME_BYTES], sealed[1 + _NAME_BYTES :]
        key = self._keys.get(name)
        if head != _VERSION or key is None:
            raise CannotOpen("sealed with a key that is not in PAYWON_SECRET_KEYS")
        try:
            return AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], purpose.encode())
        except InvalidTag:
            raise CannotOpen("changed, or sealed for another purpose") from None

    def seal_json(self, value: Any, *, purpose: str) -> bytes:
        """Encrypt a JSON-like value."""
        return self.seal(msgspec.json.encode(value), purpose=purpose)

    def open_json(self, sealed: bytes, *, purpose: str) -> Any:
        """Decrypt what ``seal_json`` made. Raises as ``open``."""
        return msgspec.json.decode(self.open(sealed, purpose=purpose))

    def is_current(self, sealed: bytes) -> bool:
        """Whether ``sealed`` was sealed with the first key, so that rotation may leave it alone."""
        return sealed.startswith(self.head)

    def digest(self, value: str, *, purpose: str) -> bytes:
        """Make the keyed digest under which a secret is stored, to be found again."""
        return self.digests(value, purpose=purpose)[0]

    def digests(self, value: str, *, purpose: str) -> list[bytes]:
        """Make the digests that a secret may be stored under, the present one first."""
        return [hmac.digest(key, f"{purpose}:{value}".encode(), hashlib.sha256) for key in self._keys.values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """A column of sealed bytes, named beside the code that seals them, so that ``paywon secrets rotate`` finds it.

    ``key`` is the primary key of its table. A secret that is looked up has its keyed digest in ``digest_column``,
    made for ``digest_purpose``.
    """

    table: str
    column: str
    key: tuple[str, ...] = ("id",)
    digest_column: str | None = None
    digest_purpose: str = ""

    def purpose(self, *key: object) -> str:
        """Name the row that something is sealed for: it opens nowhere else."""
        return ":".join([self.table, *map(str, key)])


def key_name_of(sealed: bytes) -> str:
    """Name the key that sealed something, as ``KeyRing.names`` does."""
    return sealed[1 : 1 + _NAME_BYTES].hex()


def new_key() -> str:
    """Make a key for ``PAYWON_SECRET_KEYS``."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _name(key: bytes) -> bytes:
    """Name a key by a digest of it, so that what is sealed tells which key opens it."""
    return hashlib.sha256(b"paywon key name:" + key).digest()[:_NAME_BYTES]
