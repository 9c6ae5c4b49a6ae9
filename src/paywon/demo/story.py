"""``paywon demo``: the whole story in a terminal, against a stack that ``paywon dev`` runs."""

import asyncio
import time
import uuid
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from paywon.demo.chapters import STEPS, booking, refusals, time_capsule
from paywon.demo.errand import DemoTrouble, Errands
from paywon.demo.scene import Scene
from paywon.demo.telling import Teller
from paywon.devfile import DevFile

# Long enough for an API that is just being restarted, short enough for one that is not there.
START_PATIENCE_S: Final = 5.0


def run_story(dev_json: Path, *, console: Console | None = None) -> int:
    """Tell the story and answer the exit code: 0, or 1 with one line that says what went wrong.

    ``dev_json`` is what a running ``paywon dev`` wrote about itself.
    """
    teller = Teller(steps=STEPS, console=console)
    try:
        dev = _read(dev_json)
        with teller.telling():
            rows, seconds = asyncio.run(_tell(dev, teller))
    except DemoTrouble as trouble:
        teller.failed(str(trouble))
        return 1
    except KeyboardInterrupt:
        teller.failed("멈췄습니다 / stopped")
        return 1
    teller.ending(rows, seconds=seconds, demo_url=dev.demo_url)
    return 0


def _read(dev_json: Path) -> DevFile:
    try:
        dev = msgspec.json.decode(dev_json.read_bytes(), type=DevFile)
    except FileNotFoundError:
        raise _not_running(f"{dev_json} 이 없습니다", f"there is no {dev_json}") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise DemoTrouble(f"{dev_json} 을 읽을 수 없습니다: {error}", f"{dev_json} cannot be read") from None
    if dev.sandbox_url is None:
        raise DemoTrouble(
            "데모에는 샌드박스가 필요합니다. TOSS_PAYMENTS_SECRET_KEY를 지우고 script/server를 다시 시작하세요",
            "the demo needs the sandbox: unset TOSS_PAYMENTS_SECRET_KEY and start script/server again",
        )
    return dev


def _not_running(korean: str, english: str) -> DemoTrouble:
    return DemoTrouble(
        f"실행 중인 paywon이 없습니다({korean}). 다른 터미널에서 script/server를 먼저 실행하세요",
        f"paywon is not running ({english}); run script/server in another terminal first",
    )


async def _tell(dev: DevFile, teller: Teller) -> tuple[list[tuple[str, str, str]], float]:
    assert dev.sandbox_url is not None, "checked when dev.json was read"
    began = time.monotonic()
    api = Errands(dev.api_url, waiting=teller.waiting, token=dev.api_key)
    sandbox = Errands(dev.sandbox_url, waiting=teller.waiting, basic_key=dev.toss_secret_key)
    scene = Scene(api=api, sandbox=sandbox, teller=teller, demo_url=dev.demo_url, ticket=uuid.uuid4().hex[:12])
    try:
        try:
            await api.get("/ready", patience_s=START_PATIENCE_S)
        except DemoTrouble:
            raise _not_running(f"{dev.api_url} 이 답하지 않습니다", f"{dev.api_url} does not answer") from None
        rows = [await booking(scene), await time_capsule(scene), *await refusals(scene)]
    finally:
        await api.close()
        await sandbox.close()
    return rows, time.monotonic() - began
