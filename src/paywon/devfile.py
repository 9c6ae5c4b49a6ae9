"""``dev.json``: where a running ``paywon dev`` is, for people and for programs."""

import json
from pathlib import Path
from typing import Final

import msgspec

NAME: Final = "dev.json"


class DevFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What ``dev.json`` holds. The console and its operator are null where there is no console."""

    api_url: str
    api_key: str
    console_url: str | None
    operator_email: str | None
    operator_password: str | None
    sandbox_url: str | None
    toss_secret_key: str
    demo_url: str
    database_url: str


def read_dev_file(home: Path) -> DevFile | None:
    """Answer what the last run wrote; None where there is nothing, or nothing readable."""
    try:
        return msgspec.json.decode((home / NAME).read_bytes(), type=DevFile)
    except (OSError, msgspec.MsgspecError):
        return None


def write_dev_file(home: Path, dev: DevFile) -> Path:
    """Write ``dev.json``, whole or not at all, for its owner's eyes only; answer its place."""
    file = home / NAME
    write_private(file, json.dumps(msgspec.to_builtins(dev), ensure_ascii=False, indent=2) + "\n")
    return file


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
