"""Recognising an application's users."""

import re
from dataclasses import dataclass
from typing import Final

import structlog

from paywon.base.clock import Clock
from paywon.base.errors import PaywonError
from paywon.base.ids import UserId
from paywon.users.keys import TokenKeys
from paywon.users.model import TokenPolicy
from paywon.users.tokens import TokenIsOver, TokenRefused, key_id_of, subject_of
from paywon.web.auth import Principal
from paywon.web.shapes import WORD

_MAX_USER_ID_CHARS: Final = 64
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """What recognising takes; ``scopes``: what every user may do, with what is theirs."""

    policy: TokenPolicy
    keys: TokenKeys
    scopes: frozenset[str]
    clock: Clock

    async def recognise(self, token: str) -> Principal | None:
        """Answer which user a token stands for; None for one that opens nothing.

        Raises:
            PaywonError: TOKEN_EXPIRED, or TOKEN_KEYS_UNAVAILABLE.
        """
        try:
            user = await self._user_of(token)
        except TokenIsOver:
            raise PaywonError("TOKEN_EXPIRED") from None
        except TokenRefused as refused:
            # Why is nobody's business but the operator's.
            _log.debug("a user token was refused", reason=str(refused))
            return None
        return Principal(actor=f"user:{user}", holder=f"user:{user}", scopes=self.scopes, owner=user)

    async def _user_of(self, token: str) -> UserId:
        key = await self.keys.find(key_id_of(token))
        if key is None:
            raise TokenRefused("signed with an unknown key")
        subject = subject_of(token, key, self.policy, self.clock.now())
        if len(subject) > _MAX_USER_ID_CHARS or not re.search(WORD, subject):
            raise TokenRefused("sub is no userId")
        return UserId(subject)
