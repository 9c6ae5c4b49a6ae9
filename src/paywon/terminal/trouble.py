"""What can be wrong around paywon, told in one line that says what to do about it."""

import errno
import os
from typing import Final
from urllib.parse import parse_qs, urlsplit

import asyncpg

from paywon.base.readable import is_readable


class Trouble(Exception):  # noqa: N818 - it is a message to a person, and reads as one
    """Something that the person at the terminal can put right; the message says what and how, in both languages."""

    def __init__(self, korean: str, english: str) -> None:
        super().__init__(f"{korean} / {english}")


def port_taken(port: int, host: str, setting: str) -> Trouble:
    """The trouble of a port that another program listens on; ``setting`` names the variable that chooses another."""
    return Trouble(
        f"{port} 포트를 다른 프로그램이 쓰고 있습니다. 그것을 끝내거나 {setting}={port + 1} 처럼 다른 포트를 고르세요",
        f"port {port} on {host} is in use; stop that program, or choose another port with {setting}={port + 1}",
    )


def database_trouble(error: Exception, url: str) -> Trouble:
    """Answer what stands between us and the database at ``url``. The password is never repeated."""
    for kinds, korean, english in _DATABASE_TROUBLES:
        if isinstance(error, kinds):
            return Trouble(
                korean.format(at=_place(url), why=_why(error)), english.format(at=_place(url), why=_why(error))
            )
    return Trouble(
        f"데이터베이스({_place(url)})가 거절했습니다: {_why(error)}. DATABASE_URL과 서버의 로그를 확인하세요",
        f"the database at {_place(url)} refused: {_why(error)}; check DATABASE_URL and the server's log",
    )


def old_server(version: str) -> Trouble:
    """The trouble of a server before PostgreSQL 15."""
    return Trouble(
        f"PostgreSQL 15 이상이 필요한데 {version} 입니다. 더 새로운 서버를 DATABASE_URL로 알려 주세요",
        f"paywon needs PostgreSQL 15 or newer and found {version}; point DATABASE_URL at a newer server",
    )


def not_migrated(found: str | None, wanted: str) -> Trouble:
    """The trouble of a schema that does not fit this version of paywon."""
    return Trouble(
        f"데이터베이스 스키마가 맞지 않습니다(현재 {found or '없음'}, 필요 {wanted}). paywon migrate를 실행하세요",
        f"the database schema is at {found or 'nothing'} and has to be at {wanted}; run paywon migrate",
    )


def newer_schema(found: str, own: str) -> Trouble:
    """The trouble of a schema that a newer version of paywon has made, and this one cannot run on."""
    return Trouble(
        f"더 새로운 paywon이 데이터베이스 스키마를 {found}(으)로 옮겼고, 이 버전({own})은 그 위에서 돌지 못합니다. "
        "더 새로운 버전을 실행하세요",
        f"a newer paywon has migrated the database schema to {found}, and this version ({own}) cannot run on it; "
        "run the newer version",
    )


def check_readable(text: str, what: str) -> None:
    """See that people can read a name as it is.

    Raises:
        Trouble: it is blank, or has signs that nobody sees.
    """
    if not is_readable(text):
        raise Trouble(
            f"{what}: 비어 있거나 보이지 않는 문자가 있습니다", f"{what} is blank or has signs that cannot be seen"
        )


def no_permission(path: object, error: OSError) -> Trouble:
    """The trouble of a PAYWON_HOME that cannot be written."""
    return Trouble(
        f"{path} 에 쓸 수 없습니다({_why(error)}). 권한을 고치거나 PAYWON_HOME으로 다른 폴더를 고르세요",
        f"cannot write to {path} ({_why(error)}); mend its permissions, or choose another folder with PAYWON_HOME",
    )


def _place(url: str) -> str:
    """Answer host, port and database of an address: what may be shown of it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
        return f"{host}:{parts.port or 5432}{parts.path}"
    except ValueError:
        return "DATABASE_URL"


def _why(error: Exception) -> str:
    """Answer the reason alone, in one line."""
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        # asyncio tells every address that it tried; the kind of failure is what matters.
        return os.strerror(error.errno)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = str(error).strip().splitlines()
    return said[0] if said else type(error).__name__


_DATABASE_TROUBLES: Final = (
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "데이터베이스({at})가 사용자나 비밀번호를 거절했습니다. DATABASE_URL의 사용자와 비밀번호를 확인하세요",
        "the database at {at} refused the user or password; check both in DATABASE_URL",
    ),
    (
        (asyncpg.InvalidCatalogNameError,),
        "{at} 데이터베이스가 없습니다. createdb로 만들거나 DATABASE_URL을 고치세요",
        "there is no database {at}; make it with createdb, or mend DATABASE_URL",
    ),
    (
        (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError),
        "데이터베이스({at})가 지금은 연결을 받지 않습니다({why}). 잠시 뒤에 다시 실행하세요",
        "the database at {at} takes no connections now ({why}); try again in a moment",
    ),
    (
        (asyncpg.ClientConfigurationError, ValueError),
        "DATABASE_URL을 읽을 수 없습니다. postgresql://사용자:비밀번호@호스트:5432/데이터베이스 꼴로 적으세요",
        "DATABASE_URL cannot be read; write it as postgresql://user:password@host:5432/database",
    ),
    (
        (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError),
        "데이터베이스({at})에 연결할 수 없습니다({why}). PostgreSQL이 켜져 있는지, DATABASE_URL이 맞는지 확인하세요",
        "cannot reach the database at {at} ({why}); check that PostgreSQL runs and that DATABASE_URL is right",
    ),
)
