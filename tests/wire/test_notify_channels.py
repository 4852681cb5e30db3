"""Each channel against a real server on loopback: what arrives, and what a failure says."""

import hashlib
import hmac
import logging
import ssl
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from tests.wire.receivers import (
    Mailbox,
    Receiver,
    Reply,
    mailbox,
    network,
    receiver,
    serving_mail,
    trust,
)

from smart_leverage.domain.errors import ConfigError
from smart_leverage.notify.channels.mail import MailChannel
from smart_leverage.notify.channels.others import ALLOWED, AppriseChannel
from smart_leverage.notify.channels.telegram import TelegramChannel
from smart_leverage.notify.channels.webhook import WebhookChannel
from smart_leverage.notify.config import Mail, Telegram, Webhook
from smart_leverage.notify.message import Level
from smart_leverage.notify.post import Parcel
from smart_leverage.notify.secrets import Secret
from smart_leverage.notify.sending import Network, Sender, Unanswered
from smart_leverage.notify.watcher import Pinger

TEXT = "[PAPER …4F2A] ■ HALTED 14:36 loss limit of the day −3.1 % of −3.0 % | #4182"
AT_NS = 1_790_000_000_000_000_000
URGENT = Parcel(7, "name-7", Level.URGENT, TEXT, is_silent=False, at_ns=AT_NS)
TOKEN = Secret("123:planted-token")


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


# -- webhooks -------------------------------------------------------------------------------------


def webhook(server: Receiver, way: Network | None = None) -> WebhookChannel:
    config = Webhook(url=f"{server.origin}/hook?a=b")
    return WebhookChannel(config, Secret("planted-key"), way or network())


def test_a_webhook_gets_json_that_its_receiver_can_verify(server: Receiver) -> None:
    assert webhook(server).send(URGENT).is_sent
    (posted,) = server.posted
    assert posted.path == "/hook?a=b"
    assert posted.headers["host"] == f"hook.example.test:{server.port}"
    assert posted.json == {
        "id": "name-7",
        "level": "urgent",
        "text": TEXT,
        "silent": False,
        "at": "2026-09-21 14:13:20Z",
    }
    stamp, _, signed = posted.headers["x-smart-leverage-signature"].partition(",v1=")
    stamp = stamp.removeprefix("t=")
    assert abs(time.time() - int(stamp)) < 60
    own = hmac.new(b"planted-key", stamp.encode() + b"." + posted.body, hashlib.sha256)
    assert signed == own.hexdigest()


@pytest.mark.parametrize(
    ("reply", "why", "retry_after_s"),
    [
        pytest.param(
            Reply(302, headers=(("Location", "https://localhost/"),)),
            "a redirect (302), which is not followed",
            0.0,
            id="redirect",
        ),
        pytest.param(
            Reply(429, headers=(("Retry-After", "7"),)), "refused with 429", 7.0, id="wait"
        ),
        pytest.param(Reply(404), "refused with 404", 0.0, id="gone"),
        pytest.param(Reply(500), "refused with 500", 0.0, id="broken"),
    ],
)
def test_what_a_webhook_answers_becomes_the_outcome(
    server: Receiver, reply: Reply, why: str, retry_after_s: float
) -> None:
    server.answer = lambda posted: reply
    outcome = webhook(server).send(URGENT)
    assert (outcome.is_sent, outcome.why) == (False, why)
    assert outcome.retry_after_s == retry_after_s
    assert len(server.posted) == 1


def test_a_wait_may_be_a_date(server: Receiver) -> None:
    server.answer = lambda posted: Reply(
        503, headers=(("Retry-After", "Mon, 21 Sep 2026 14:13:50 GMT"),)
    )
    way = network()._replace(now_s=lambda: AT_NS / 1e9)
    assert webhook(server, way).send(URGENT).retry_after_s == pytest.approx(30.0)


def test_a_server_that_does_not_answer_is_not_waited_for_longer_than_its_time(
    server: Receiver,
) -> None:
    server.answer = lambda posted: Reply(after_s=3.0)
    began_s = time.monotonic()
    with pytest.raises(Unanswered, match=r"no answer within 0\.5 s") as lost:
        Sender(network(), timeout_s=0.5).post(server.origin, b"{}", {})
    assert lost.value.may_have_come
    assert time.monotonic() - began_s < 2.5


def test_an_answer_that_does_not_end_is_cut(server: Receiver) -> None:
    server.answer = lambda posted: Reply(body=b"x" * 1_000_000)
    answer = Sender(network()).post(server.origin, b"{}", {})
    assert len(answer.body) == 65_536


def test_a_certificate_of_another_name_is_not_believed(server: Receiver) -> None:
    config = Webhook(url=f"https://other.test:{server.port}/")
    outcome = WebhookChannel(config, Secret("k"), network()).send(URGENT)
    assert outcome.why == "its certificate is not believed"
    assert server.posted == []


def test_a_certificate_of_an_unknown_authority_is_not_believed(server: Receiver) -> None:
    outcome = webhook(server, network()._replace(trust=None)).send(URGENT)
    assert outcome.why == "its certificate is not believed"


# -- where nothing may be sent --------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "fe80::1%eth0",
    ],
)
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(
    server: Receiver, address: str
) -> None:
    way = network()._replace(resolver=lambda host, port: ["93.184.215.14", address])
    outcome = webhook(server, way._replace(allows=Network().allows)).send(URGENT)
    assert "which is no address of the public internet" in outcome.why
    assert server.posted == []


def test_an_address_of_loopback_in_the_url_itself_is_refused(server: Receiver) -> None:
    config = Webhook(url=f"https://127.0.0.1:{server.port}/")
    outcome = WebhookChannel(config, Secret("k"), Network()).send(URGENT)
    assert "127.0.0.1, which is no address" in outcome.why
    assert server.posted == []


def test_a_public_address_may_be_talked_to() -> None:
    assert all(Network().allows(ip) for ip in map(ip_address, ("8.8.8.8", "2001:4860:4860::8888")))


def test_a_name_is_resolved_once_and_its_address_is_the_one_connected_to(
    server: Receiver,
) -> None:
    asked: list[str] = []
    channel = webhook(server, network("127.0.0.1", "10.0.0.1", asked=asked))
    assert channel.send(URGENT).is_sent
    assert asked == ["hook.example.test"]


def test_a_name_that_leads_elsewhere_the_second_time_is_refused_then(server: Receiver) -> None:
    channel = webhook(server, network("127.0.0.1", "10.0.0.1"))
    assert channel.send(URGENT).is_sent
    outcome = channel.send(URGENT)
    assert "10.0.0.1, which is no address" in outcome.why
    assert len(server.posted) == 1


def test_a_name_without_an_address_is_told(server: Receiver) -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    outcome = webhook(server, network()._replace(resolver=nobody)).send(URGENT)
    assert outcome.why == "hook.example.test has no address that could be found"


@pytest.mark.parametrize(
    "url",
    ["http://hook.example.test/", "https://user:pass@hook.example.test/", "https://", "ftp://x/"],
)
def test_only_a_plain_https_address_is_sent_to(server: Receiver, url: str) -> None:
    outcome = WebhookChannel(Webhook(url=url), Secret("k"), network()).send(URGENT)
    assert outcome.why.startswith("the address ")


def test_settings_of_a_proxy_in_the_environment_change_nothing(
    server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert webhook(server).send(URGENT).is_sent


# -- Telegram -------------------------------------------------------------------------------------

OK = Reply(body=b'{"ok":true,"result":{"message_id":1}}')


def telegram(server: Receiver) -> TelegramChannel:
    return TelegramChannel(Telegram(chat="-100123"), TOKEN, network(), origin=server.origin)


def test_telegram_gets_the_text_as_it_is_for_one_chat(server: Receiver) -> None:
    server.answer = lambda posted: OK
    assert telegram(server).send(URGENT).is_sent
    (posted,) = server.posted
    assert posted.path == "/bot123:planted-token/sendMessage"
    assert posted.json == {
        "chat_id": "-100123",
        "text": TEXT,
        "disable_notification": False,
        "link_preview_options": {"is_disabled": True},
    }


def test_telegrams_own_wait_is_honoured(server: Receiver) -> None:
    server.answer = lambda posted: Reply(
        429,
        b'{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 31",'
        b'"parameters":{"retry_after":31}}',
    )
    outcome = telegram(server).send(URGENT)
    assert not outcome.is_sent
    assert outcome.retry_after_s == 31.0


def test_what_telegram_says_of_a_wrong_token_is_told_without_the_token(server: Receiver) -> None:
    server.answer = lambda posted: Reply(
        401, b'{"ok":false,"error_code":401,"description":"Unauthorized"}'
    )
    outcome = telegram(server).send(URGENT)
    assert outcome.why == "refused with 401: Unauthorized"


def test_an_answer_that_is_not_telegrams_is_no_delivery(server: Receiver) -> None:
    server.answer = lambda posted: Reply(200, b"<html>welcome to the hotel</html>")
    outcome = telegram(server).send(URGENT)
    assert (outcome.is_sent, outcome.may_have_come) == (False, True)


def test_no_log_holds_a_secret_even_at_its_most_talkative(
    server: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        telegram(server).send(URGENT)
        server.answer = lambda posted: Reply(500)
        telegram(server).send(URGENT)
        Pinger(Secret(f"{server.origin}/planted-token"), network()).ping()
    assert "planted" not in caplog.text
    assert "planted" not in repr(TOKEN)


# -- mail -----------------------------------------------------------------------------------------


OURS = trust()


def mail(
    box: Mailbox,
    *,
    security: str = "starttls",
    password: str = "",
    believes: ssl.SSLContext | None = OURS,
) -> MailChannel:
    config = Mail(
        host="localhost",
        port=box.port,
        security=security,
        sender="desk@example.test",
        to=("a@example.test", "b@example.test"),
        user="desk" if password else "",
    )
    return MailChannel(config, Secret(password) if password else None, believes)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_arrives_encrypted_with_its_login(security: str) -> None:
    with mailbox(tls=security == "tls", login=("desk", "planted-password")) as box:
        assert mail(box, security=security, password="planted-password").send(URGENT).is_sent
    assert box.logins == [("desk", "planted-password")]
    (taken,) = box.mails
    assert taken["Subject"] == TEXT
    assert taken["To"] == "a@example.test, b@example.test"
    assert taken["X-Priority"] == "1 (Highest)"
    assert taken.get_content().strip() == TEXT  # type: ignore[attr-defined]


def test_a_wrong_password_is_told_without_the_password() -> None:
    with mailbox(login=("desk", "right")) as box:
        outcome = mail(box, password="planted-password").send(URGENT)
    assert outcome.why == "the login was refused with 535"
    assert box.mails == []


def test_a_server_that_says_later_is_told_in_its_own_words() -> None:
    with mailbox() as box:
        box.refuses = "451 come back later"
        outcome = mail(box).send(URGENT)
    assert outcome.why == "refused with 451: come back later"


def test_a_server_without_encryption_gets_nothing() -> None:
    plain = Mailbox()
    with serving_mail(plain):
        outcome = mail(plain).send(URGENT)
    assert outcome.why == "the server offers no encryption, or no login"


def test_a_server_that_nobody_believes_gets_nothing() -> None:
    with mailbox() as box:
        config = Mail(
            host="localhost",
            port=box.port,
            security="starttls",
            sender="a@b.test",
            to=("c@d.test",),
        )
        outcome = MailChannel(config, None).send(URGENT)
    assert outcome.why == "its certificate is not believed"
    assert box.mails == []


def test_a_name_cannot_add_lines_to_the_head_of_a_mail() -> None:
    with mailbox() as box:
        text = "first\nBcc: thief@example.test"
        assert mail(box).send(URGENT._replace(text=text)).is_sent
    (taken,) = box.mails
    assert taken["Bcc"] is None
    assert taken["Subject"] == "first"


# -- further services -----------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["json://127.0.0.1/x", "mailto://a:b@c.d", "ntfys://10.0.0.1/t"])
def test_a_service_that_names_its_host_is_not_on_the_list(url: str) -> None:
    with pytest.raises(ConfigError, match="which is not on the list"):
        AppriseChannel(Secret(url))


def test_every_service_of_the_list_is_known_and_has_its_own_address() -> None:
    import apprise

    known = {
        scheme
        for service in apprise.Apprise().details()["schemas"]
        for kind in ("protocols", "secure_protocols")
        for scheme in service[kind] or ()
    }
    assert known.issuperset(ALLOWED)


def test_a_service_that_cannot_be_reached_is_a_failure_without_its_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):  # it goes nowhere, so that nothing leaves
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with caplog.at_level(logging.DEBUG):
        channel = AppriseChannel(
            Secret("pover://planted1234567890planted123456@plantedtoken12345678901234567")
        )
        outcome = channel.send(URGENT)
    assert outcome.why == "1 of 1 services failed"
    assert "planted" not in caplog.text


def test_a_wrong_address_is_named_by_its_line_and_not_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        AppriseChannel(Secret("# mine\ndiscord://planted"))
    assert "planted" not in str(refused.value)
