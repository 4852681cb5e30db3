"""The whole of it as users start it: an account, its desk, a mail server, a halt that is told."""

import time
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE

import pytest
from tests.contract.forked import told
from tests.wire.raw import Raw
from tests.wire.receivers import PEMS, mailbox
from tests.wire.serving import gateway

from smart_leverage.notify.keeping import CONFIG, STATE, failures, read_kept

SETTINGS = """
[notify.mail]
enabled = "on"
host = "localhost"
port = {port}
sender = "desk@example.test"
to = "ann@example.test"
user = "desk"
password_file = "password"

[notify.webhook]
enabled = "on"
url = "https://localhost:9/hook"
secret_file = "password"
"""


def eventually(read: Callable[[], object], within_s: float = 30.0) -> None:
    until = time.monotonic() + within_s
    while not read():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text("planted-password\n")
    return file


def test_a_halt_is_told_by_mail_while_another_channel_fails_and_orders_go_on(
    tmp_path: Path, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(PEMS / "ca.pem"))
    with mailbox(login=("desk", "planted-password")) as box:
        text = SETTINGS.format(port=box.port)
        with gateway(tmp_path, settings=text) as served:

            def mails(word: str) -> list[str]:
                return [str(one["Subject"]) for one in box.mails if word in str(one["Subject"])]

            def failed() -> bool:
                kept = read_kept(served.folder)
                return kept is not None and kept.lines["webhook"].standing.failures > 0

            gate = Raw(served.url, served.keys["bot"])
            assert gate("POST", "/sl/v1/halt", {"reason": "a test"}).status == 200
            eventually(lambda: mails("■ HALTED"))
            assert " a test, by SLK" in mails("■ HALTED")[0]
            assert mails("■ HALTED")[0].startswith("[SIM …main] ■ HALTED ")
            eventually(failed)
            assert gate("GET", "/v2/account").status == 200
            _shown(tmp_path, served.folder)
    files = [file for file in tmp_path.rglob("*") if file.is_file() and file != password]
    assert files
    assert [file.name for file in files if b"planted" in file.read_bytes()] == []


def _shown(home: Path, folder: Path) -> None:
    """The failing channel is named wherever somebody looks."""
    assert {S_IMODE((folder / name).stat().st_mode) for name in (CONFIG, STATE)} == {0o600}
    status = told(home, "notify", "status", "--ledger", "runs/live")
    assert "● mail" in status.out
    assert "■ webhook" in status.out
    assert "127.0.0.1, which is no address of the public internet" in status.out
    fields = told(home, "notify", "status", "--json", "--ledger", "runs/live").json
    assert fields["channels"]["mail"]["sent"] >= 1
    assert fields["channels"]["webhook"]["failures"] >= 1
    assert failures(folder)["webhook"] >= 1
    doctor = told(home, "doctor", "--ledger", "runs/live")
    assert doctor.code == 6
    assert "■ notify        webhook: " in doctor.out
    assert "● notify        mail: " in doctor.out


def test_an_account_that_tells_nobody_keeps_nothing_of_it(tmp_path: Path) -> None:
    with gateway(tmp_path) as served:
        assert not (served.folder / CONFIG).exists()
        assert not (served.folder / STATE).exists()
        doctor = told(tmp_path, "doctor", "--ledger", "runs/live")
        assert "● notify        nobody is told anything" in doctor.out
