"""The command line: ``paywon dev``, ``serve``, ``worker``, ``migrate``, ``doctor``, ``keys`` and the rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from paywon.settings import SettingsError, load_database_settings, load_seal_settings, load_settings
from paywon.terminal.trouble import Trouble

# Typer names this class nowhere in public; all that a person can type wrongly is one of its kinds.
_UsageError: Final[Any] = typer.BadParameter.__base__
_KOREAN: Final = {
    "MissingParameter": "빠진 항목이 있습니다",
    "NoSuchOption": "없는 옵션입니다",
    "BadParameter": "쓸 수 없는 값입니다",
    "BadOptionUsage": "옵션을 잘못 썼습니다",
}


@contextmanager
def _in_both_languages() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        korean = _KOREAN.get(type(error).__name__, "명령이 맞지 않습니다")
        raise _UsageError(f"{korean} / {error.format_message()}", ctx=error.ctx) from None


class _Plain(TyperGroup):
    """Tells what a person can put right in one line, in Korean and in English, and never with a traceback."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _in_both_languages():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            with _in_both_languages():
                return super().invoke(ctx)
        except (Trouble, SettingsError) as trouble:
            typer.echo(f"paywon: {trouble}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Plain,
    name="paywon",
    help="토스페이먼츠를 위한 결제 백엔드 / a self-hosted payments backend for Toss Payments",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(
    help="API 키 만들기, 보기, 교체, 폐기 / make, list, rotate and revoke API keys", no_args_is_help=True
)
app.add_typer(keys, name="keys")
audit = typer.Typer(help="감사 기록의 사슬 / the audit trail's chain", no_args_is_help=True)
app.add_typer(audit, name="audit")
secrets = typer.Typer(help="저장된 비밀을 봉하는 키 / the keys that seal stored secrets", no_args_is_help=True)
app.add_typer(secrets, name="secrets")
privacy = typer.Typer(help="사람의 데이터 / people's data", no_args_is_help=True)
app.add_typer(privacy, name="privacy")


@app.command()
def dev() -> None:
    """개발 환경 전체를 한 터미널에서 실행 / run everything for development in one terminal."""
    from paywon.terminal.stack import run_dev

    run_dev()


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="주소 / address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PAYWON_SANDBOX_PORT", help="포트 / port")] = 3900,
    state: Annotated[Path | None, typer.Option(help="데이터 파일 / file that keeps all data")] = None,
    public_url: Annotated[str | None, typer.Option(help="브라우저가 여는 주소 / address that browsers open")] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="샌드박스의 다른 이름, 예: 컨테이너 / another name of it, such as a container's"),
    ] = None,
) -> None:
    """토스페이먼츠 샌드박스만 실행 / run only the stand-in for Toss Payments."""
    from paywon.terminal.processes import become_sandbox

    become_sandbox(host=host, port=port, state=state, public_url=public_url, allowed_hosts=allow_host or [])


@app.command()
def migrate() -> None:
    """데이터베이스 스키마를 최신으로 / bring the database schema up to date."""
    from paywon.terminal.processes import migrate_database

    typer.echo(migrate_database(load_database_settings()))


@app.command()
def serve() -> None:
    """API 서버 실행 / serve the HTTP API."""
    from paywon.terminal.serving import serve as run_server

    run_server(load_settings())


@app.command()
def worker() -> None:
    """작업 처리기 실행 / work off jobs and schedules."""
    from paywon.terminal.serving import work

    work(load_settings())


@app.command()
def doctor() -> None:
    """설정, 데이터베이스, 토스 연결을 점검 / check settings, database, Toss and more."""
    from paywon.terminal.doctor import examine

    if not examine():
        raise typer.Exit(1)


@app.command()
def invariants(
    as_json: Annotated[bool, typer.Option("--json", help="기계가 읽는 JSON으로 / as JSON")] = False,
) -> None:
    """늘 지켜져야 할 것을 모두 지금 확인: 모두 지켜지면 0으로 끝남 / look at what must always hold."""
    from paywon.terminal.looking import show_invariants

    if not show_invariants(load_database_settings(), as_json=as_json):
        raise typer.Exit(1)


@app.command()
def demo() -> None:
    """실행 중인 paywon dev에서 결제 이야기 전체를 보기 / play the whole story against a running paywon dev."""
    from paywon.terminal.processes import play_demo

    raise typer.Exit(play_demo())


@app.command()
def version() -> None:
    """버전 보기 / show the version."""
    from importlib.metadata import version as version_of

    typer.echo(f"paywon {version_of('paywon')}")


@audit.command("verify")
def verify_audit(
    payment: Annotated[str | None, typer.Option(help="이 결제만 / only this payment, by its id")] = None,
    expect: Annotated[str | None, typer.Option(help="전에 적어 둔 봉인 / a seal noted down before")] = None,
) -> None:
    """감사 기록에서 바뀌거나 없어지거나 끼어든 줄 찾기 / find rows that were changed, removed or inserted."""
    from paywon.terminal.looking import verify_trail

    if payment is not None and expect is not None:
        raise typer.BadParameter("--expect는 모든 사슬에 대한 것입니다 / is about all chains, not about one payment")
    if not verify_trail(load_database_settings(), anchor=payment, expected=expect):
        raise typer.Exit(1)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="누가 쓰는 키인지 / who the key is for")],
    scope: Annotated[list[str], typer.Option(help="권한, 여러 번 쓸 수 있음 / a scope; may be repeated")],
    days: Annotated[int | None, typer.Option(min=1, help="유효 일수 / days until it expires")] = None,
) -> None:
    """새 API 키 만들기: 키는 한 번만 보입니다 / make an API key; it is shown only once."""
    from paywon.terminal.keys import create

    create(load_database_settings(), name=name, scopes=scope, days=days)


@keys.command("list")
def list_keys() -> None:
    """API 키 보기 / list API keys."""
    from paywon.terminal.keys import show

    show(load_database_settings())


@keys.command("rotate")
def rotate_key(
    key_id: Annotated[str, typer.Argument(help="keys list의 id / the id that keys list shows")],
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=24 * 90, help="옛 키를 더 쓸 수 있는 시간 / hours that the old key still works")
    ] = 24,
) -> None:
    """같은 이름과 권한의 새 키로 교체: 옛 키는 얼마 뒤 만료 / replace a key; the old one works on for a while."""
    from paywon.terminal.keys import rotate

    rotate(load_database_settings(), key_id, overlap_hours=overlap_hours)


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="keys list의 id / the id that keys list shows")]) -> None:
    """API 키 폐기 / revoke an API key for good."""
    from paywon.terminal.keys import revoke

    revoke(load_database_settings(), key_id)


@secrets.command("new")
def new_secret_key() -> None:
    """PAYWON_SECRET_KEYS에 넣을 새 키 / a new key for PAYWON_SECRET_KEYS."""
    from paywon.base.sealing import new_key

    typer.echo(new_key())


@secrets.command("rotate")
def rotate_secrets(
    check: Annotated[
        bool, typer.Option("--check", help="세기만 함: 남은 것이 없으면 0으로 끝남 / only count; 0 if nothing is left")
    ] = False,
) -> None:
    """저장된 비밀을 모두 첫 키로 다시 봉하기: 서비스가 도는 동안에도 / seal everything anew under the first key."""
    from paywon.terminal.secrets import rotate_seals

    if not rotate_seals(load_seal_settings(), check_only=check):
        raise typer.Exit(1)


@privacy.command("forget")
def forget_person(
    user: Annotated[str, typer.Option(help="앱의 사용자 id / the app's user id")],
    yes: Annotated[
        bool, typer.Option("--yes", help="정말로. 없으면 보여 주기만 함 / do it; without it only show")
    ] = False,
    operator: Annotated[
        str | None, typer.Option(help="누가 하는지. 없으면 이 컴퓨터의 계정 / who does it; else this machine's account")
    ] = None,
) -> None:
    """한 사용자를 잊기: 개인 정보는 지우고 장부와 감사 사슬은 남김 / take a user's data out, and keep the books."""
    from paywon.terminal.privacy import forget_user

    if not forget_user(load_seal_settings(), user, operator=operator, really=yes):
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
