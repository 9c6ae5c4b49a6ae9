"""How fast the sandbox is on one core, and how much memory 10,000 payments take.

    script/bench [--payments 10000] [--connections 16]

The sandbox runs as its own process, kept on one core where the system allows it; this process is its customers, on
another core. It opens and authenticates the payments, reads them, confirms them. About ten seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import msgspec
import psutil  # type: ignore[import-untyped]
import uvloop
from bench.load import BASIC, Load, Measured, request

AMOUNT_KRW = 15_000
WRK_S = 2
LONGEST_S = 60
MB = 1_000_000
SERVER_CORE, CLIENT_CORE = 0, 1


class Sandbox:
    """One sandbox in a process of its own, and what it costs."""

    def __init__(self, port: int) -> None:
        self.port = port
        command = [sys.executable, "-m", "paywon_sandbox", "--port", str(port)]
        self._child = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
        self._process = psutil.Process(self._child.pid)
        keep_on(SERVER_CORE, self._child.pid)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/sandbox/health", timeout=1).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise SystemExit("the sandbox did not start")

    def cpu_s(self) -> float:
        """Processor seconds so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Memory of the process."""
        return float(self._process.memory_info().rss) / MB

    def stop(self) -> None:
        """End it."""
        self._child.terminate()
        self._child.wait(10)


def keep_on(core: int, pid: int = 0) -> None:
    """Pin a process to one core; where that cannot be done, the figures are of a sandbox that may wander."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})


def told(name: str, measured: Measured, sandbox: Sandbox, cpu_s: float) -> None:
    """One line."""
    per_cpu = measured.count / cpu_s if cpu_s else 0.0
    sys.stdout.write(
        f"{name:<14} {measured.per_second:>7,.0f} requests/s   p50 {measured.p50_ms:5.2f} ms   "
        f"p99 {measured.p99_ms:5.2f} ms   CPU {cpu_s:4.2f} s ({per_cpu:,.0f} requests a CPU second)   "
        f"RSS {sandbox.rss_mb():5.1f} MB\n"
    )


async def measure(name: str, sandbox: Sandbox, load: Load, requests: Iterator[bytes]) -> list[bytes]:
    """Send them all; returns the bodies of the answers in the order in which they came."""
    before = sandbox.cpu_s()
    measured = await load.run(requests)
    told(name, measured, sandbox, sandbox.cpu_s() - before)
    return measured.bodies


def opening(number: int) -> bytes:
    """What the browser script sends."""
    order = {"orderId": f"order-{number:06d}", "orderName": "토스 티셔츠 외 2건", "amount": AMOUNT_KRW}
    urls = {"successUrl": "http://shop.example/success", "failUrl": "http://shop.example/fail"}
    return request("POST", "/sandbox/checkout", msgspec.json.encode(order | urls))


def confirming(payment: dict[str, object]) -> bytes:
    """What the shop's server sends."""
    names = {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": AMOUNT_KRW}
    return request("POST", "/v1/payments/confirm", msgspec.json.encode(names))


async def run(sandbox: Sandbox, payments: int, connections: int) -> None:
    """All steps; the last line is the memory."""
    load = Load(sandbox.port, connections)
    idle_mb = sandbox.rss_mb()
    opened = await measure("open", sandbox, load, (opening(number) for number in range(payments)))
    keys = [str(msgspec.json.decode(body)["paymentKey"]) for body in opened]
    paths = (f"/sandbox/payments/{key}/authenticate" for key in keys)
    await measure("authenticate", sandbox, load, (request("POST", path, b'{"outcome":"approve"}') for path in paths))
    read = await measure("GET a payment", sandbox, load, (request("GET", f"/v1/payments/{key}") for key in keys))
    done = await measure("confirm", sandbox, load, (confirming(msgspec.json.decode(body)) for body in read))
    assert all(msgspec.json.decode(body)["status"] == "DONE" for body in done)
    if shutil.which("wrk"):
        by_wrk(sandbox, keys[0], connections)
    grown_mb = sandbox.rss_mb() - idle_mb
    sys.stdout.write(f"{payments:,} payments: {sandbox.rss_mb():.1f} MB, {grown_mb:.1f} MB above idle\n")


def by_wrk(sandbox: Sandbox, payment_key: str, connections: int) -> None:
    """The same read by a faster client, which shows what the sandbox and not this script can do."""
    url = f"http://127.0.0.1:{sandbox.port}/v1/payments/{payment_key}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{WRK_S}s", "--latency", "-H", f"authorization: {BASIC}", url]
    before = sandbox.cpu_s()
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout  # noqa: S603
    figures = dict(re.findall(r"(50%|99%|Requests/sec:)\s+(\S+)", said))
    cpu_s, rate = sandbox.cpu_s() - before, float(figures["Requests/sec:"])
    took = f"p50 {figures['50%']}, p99 {figures['99%']} as wrk prints them"
    cost = f"CPU {cpu_s:4.2f} s ({rate * WRK_S / cpu_s:,.0f} requests a CPU second)"
    sys.stdout.write(f"{'GET by wrk':<14} {rate:>7,.0f} requests/s   {took}   {cost}\n")


def main() -> None:
    """Start, measure, stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--port", type=int, default=3990)
    options = parser.parse_args()
    keep_on(CLIENT_CORE)
    # What else the machine is doing belongs to the figures.
    sys.stdout.write(f"load average of the last minute: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores\n")
    sandbox = Sandbox(options.port)
    try:
        uvloop.run(asyncio.wait_for(run(sandbox, options.payments, options.connections), LONGEST_S))
    finally:
        sandbox.stop()


if __name__ == "__main__":
    main()
