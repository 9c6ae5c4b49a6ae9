"""``paywon dev`` from start to stop."""

import json
import signal
import socket
import subprocess

from tests.start.running import Dev, eventually, paywon, status_of

KEYS = ["apiUrl", "apiKey", "consoleUrl", "operatorEmail", "operatorPassword"]
KEYS += ["sandboxUrl", "tossSecretKey", "demoUrl", "databaseUrl"]


def test_first_start_second_start_and_ctrl_c(dev: Dev) -> None:
    first_s = dev.start()
    first = dev.json
    assert list(first) == KEYS
    assert first["apiUrl"] == f"http://localhost:{dev.port}"
    assert first["sandboxUrl"] == f"http://localhost:{dev.sandbox_port}"
    assert first["demoUrl"] == first["apiUrl"] + "/demo"
    assert (dev.home / "dev.json").stat().st_mode & 0o777 == 0o600
    # The output goes to a file here, as it does in a CI job, whose log others read.
    assert not any(first[name] in dev.output for name in ("apiKey", "tossSecretKey"))
    order = _run_printed_curl(dev)
    _look_from_another_terminal(dev)

    assert dev.stop() == 0
    eventually(lambda: not dev.survivors())
    assert dev.postgres_pid is None
    assert "stopped" in dev.output

    second_s = dev.start()
    assert dev.json["apiKey"] == first["apiKey"]
    assert dev.json["tossSecretKey"] == first["tossSecretKey"]
    status, kept = status_of("GET", f"{first['apiUrl']}/api/orders/{order['id']}", key=first["apiKey"])
    assert (status, kept["orderNo"]) == (200, order["orderNo"])
    print(f"first start {first_s:.1f} s, second start {second_s:.1f} s")  # noqa: T201 - shown by pytest -s
    assert second_s < 20

    dev.signal(signal.SIGTERM)
    assert dev.process is not None
    assert dev.process.wait(30) == 0
    eventually(lambda: not dev.survivors())


def _run_printed_curl(dev: Dev) -> dict[str, object]:
    line = next(line for line in dev.output.splitlines() if line.startswith("curl "))
    said = subprocess.run(["bash", "-c", f"{line} -s"], capture_output=True, text=True, check=True, timeout=20)
    order: dict[str, object] = json.loads(said.stdout)
    assert str(order["orderNo"]).startswith("ORD-")
    return order


def _look_from_another_terminal(dev: Dev) -> None:
    assert not any(word in dev.output for word in ("[api]", "[worker]", "[sandbox]", "Warning"))

    mode = dev.home.stat().st_mode
    second = paywon("dev", cwd=dev.home.parent, PAYWON_HOME=str(dev.home))
    assert second.returncode == 1
    assert dev.home.stat().st_mode == mode, "PostgreSQL, another user where we are root, goes on reaching its files"
    assert "already runs" in second.stdout
    assert len(second.stdout.splitlines()) == 1

    doctor = paywon("doctor", cwd=dev.home.parent, PAYWON_HOME=str(dev.home))
    assert doctor.returncode == 0, doctor.stdout
    assert "키가 유효합니다" in doctor.stdout
    assert not dev.has_ended


def test_ctrl_c_while_it_starts(dev: Dev) -> None:
    dev.launch()
    eventually(lambda: (dev.home / "postgres").exists())
    dev.look()
    dev.stop()
    eventually(lambda: not dev.survivors())
    assert "Traceback" not in dev.output
    dev.start()


def test_port_in_use(dev: Dev) -> None:
    for taken, setting in ((dev.port, "PAYWON_PORT"), (dev.sandbox_port, "PAYWON_SANDBOX_PORT")):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", taken))
            listener.listen()
            dev.launch()
            assert dev.process is not None
            assert dev.process.wait(15) == 1
        assert len(dev.output.splitlines()) == 1
        assert str(taken) in dev.output
        assert f"{setting}=" in dev.output
        assert not (dev.home / "postgres").exists()


def test_unreachable_database_stops_everything(dev: Dev) -> None:
    dev.environment["DATABASE_URL"] = "postgresql://somebody:secret@127.0.0.1:1/paywon"
    dev.launch()
    assert dev.process is not None
    assert dev.process.wait(20) == 1
    assert "cannot reach the database at 127.0.0.1:1/paywon (Connection refused)" in dev.output
    assert "secret" not in dev.output
    assert status_of("GET", f"http://127.0.0.1:{dev.sandbox_port}/sandbox/health")[0] == 0
