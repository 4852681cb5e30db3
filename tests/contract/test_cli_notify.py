"""`notify test` and `notify status` as users start them, and the settings behind them."""

from pathlib import Path

import pytest
from tests.contract.forked import told
from tests.wire.receivers import PEMS, Mailbox, mailbox

MAIL = """
[notify.mail]
enabled = "on"
host = "localhost"
port = {port}
sender = "desk@example.test"
to = "ann@example.test, bob@example.test"
"""
TRUST = {"SSL_CERT_FILE": str(PEMS / "ca.pem")}


def configure(home: Path, box: Mailbox, more: str = "") -> None:
    (home / "smart-leverage.toml").write_text(MAIL.format(port=box.port) + more)


def test_a_channel_that_works_says_so_and_leaves_with_0(tmp_path: Path) -> None:
    with mailbox() as box:
        configure(tmp_path, box)
        done = told(tmp_path, "notify", "test", variables=TRUST)
    assert (done.code, done.out) == (0, "● mail      sent\n")
    (mail,) = box.mails
    assert mail["Subject"] == "[SIM …main] ● TEST this channel works"
    assert mail["To"] == "ann@example.test, bob@example.test"


def test_one_that_does_not_is_named_with_its_reason_and_leaves_with_4(tmp_path: Path) -> None:
    hook = '[notify.webhook]\nenabled = "on"\nurl = "https://localhost:9/"\n'
    secret = TRUST | {"SLEV_WEBHOOK_SECRET": "planted"}
    with mailbox() as box:
        configure(tmp_path, box, hook)
        done = told(tmp_path, "notify", "test", variables=secret)
        only = told(tmp_path, "notify", "test", "--channel", "mail", "--json", variables=secret)
    assert done.code == 4
    assert "● mail      sent" in done.out
    assert "■ webhook   not sent: localhost leads to " in done.out
    assert "planted" not in done.out + done.err
    assert (only.code, only.json) == (0, {"mail": {"sent": True, "why": ""}})


def test_where_no_channel_is_on_it_says_how_to_switch_one_on(tmp_path: Path) -> None:
    done = told(tmp_path, "notify", "test")
    assert done.code == 3
    assert 'no channel is on; enabled = "on" in [notify.mail]' in done.err
    other = told(tmp_path, "notify", "test", "--channel", "pigeon")
    assert other.code == 3
    assert "notify.pigeon: this channel is not on; on are: none" in other.err


def test_a_secret_that_others_can_read_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("planted")
    key.chmod(0o644)
    (tmp_path / "smart-leverage.toml").write_text(
        '[notify.webhook]\nenabled = "on"\nurl = "https://example.org/"\nsecret_file = "key"\n'
    )
    done = told(tmp_path, "notify", "test")
    assert done.code == 4
    assert f"{key} is open to others, mode 0644; `chmod 600 {key}`" in done.out
    assert "planted" not in done.out + done.err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            '[notify.telegram]\nenabled = "on"',
            "notify.telegram.chat: is empty, and the channel is on; the number of a chat",
            id="no-chat",
        ),
        pytest.param(
            '[notify.mail]\nsecurity = "none"',
            "notify.mail.security: 'none' is not accepted; 'starttls' or 'tls'",
            id="in-the-clear",
        ),
        pytest.param(
            '[notify.webhook]\nurl = "http://example.org"',
            "notify.webhook.url: it is not https; one like https://example.org/hook",
            id="http",
        ),
        pytest.param(
            '[notify.webhook]\nurl = "https://me:pw@example.org"',
            "notify.webhook.url: it holds a name or password; put a secret into its file",
            id="secret-in-url",
        ),
        pytest.param(
            '[notify.mail]\nquiet_from = "25:00"\nquiet_to = "07:00"',
            "notify.mail.quiet_from: '25:00' is no time of day like 22:30",
            id="no-time",
        ),
        pytest.param(
            '[notify.apprise]\nenabled = "on"\nquiet_from = "22:00"',
            "notify.apprise.quiet_to: is empty, and the other end is not; a time, as 07:00",
            id="half-a-night",
        ),
        pytest.param(
            "[notify]\nstale_after_s = 30.0",
            "execution.mark_every_s: mark_every_s 60.0 is above notify.stale_after_s 30.0",
            id="stale-before-valued",
        ),
        pytest.param(
            '[notify.telegram]\ntoken = "123:abc"',
            "notify.telegram.token: unknown key, did you mean token_file?",
            id="secret-in-the-file",
        ),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(
    tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "smart-leverage.toml").write_text(f"{text}\n")
    done = told(tmp_path, "config", "check")
    assert done.code == 3
    assert problem in done.err
