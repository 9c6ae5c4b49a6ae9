"""`python -m paywon_sandbox`: the command line of the sandbox."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from paywon_sandbox.server import run_and_exit
from paywon_sandbox.settings import Settings


def read_arguments(arguments: list[str]) -> Settings:
    """Settings from the command line; `--public-url` defaults to localhost and the port."""
    parser = argparse.ArgumentParser(
        prog="paywon_sandbox",
        description="토스페이먼츠 샌드박스: 네트워크와 계약 없이 결제를 개발하고 시험합니다. "
        "A stand-in for Toss Payments that needs no network and no account.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3900)
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep all data in this SQLite file")
    parser.add_argument("--public-url", metavar="URL", help="address that browsers reach the sandbox at")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name of this sandbox, such as that of its container; may be given several times",
    )
    parser.add_argument("--webhook-timeout-s", type=float, default=10.0, metavar="SECONDS")
    options = parser.parse_args(arguments)
    return Settings(
        host=options.host,
        port=options.port,
        public_url=(options.public_url or f"http://localhost:{options.port}").rstrip("/"),
        allowed_hosts=tuple(options.allow_host),
        state_path=options.state,
        webhook_timeout_s=options.webhook_timeout_s,
    )


def main() -> NoReturn:
    """Run until stopped."""
    run_and_exit(read_arguments(sys.argv[1:]))


if __name__ == "__main__":
    main()
