"""The door over TLS: what a browser is told of the cookie, and how the desk reaches its gateway."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.wire.browsing import Browser
from tests.wire.desk_server import desk
from tests.wire.raw import Raw

from smart_leverage.domain.bots import Scope, Seat, digest
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.runtime.people import links
from smart_leverage.server.desk.asking import STRANGER, Asked
from smart_leverage.server.desk.steering.account import Account, Told
from smart_leverage.server.gate import Door, Gate
from smart_leverage.server.http import Call, Reply, Route, reply
from smart_leverage.server.rates import Rates
from smart_leverage.server.serving import Binding, serving

TLS = Path(__file__).with_name("tls")
CERTIFICATE, KEY = TLS / "certificate.pem", TLS / "key.pem"
KEY.chmod(0o600)  # a checkout leaves it open to others, which a server refuses


class Secure(Raw):
    """The same without manners, over TLS."""

    @contextmanager
    def connection(self, within_s: float) -> Iterator[socket.socket]:
        context = ssl.create_default_context(cafile=str(CERTIFICATE))
        with (
            super().connection(within_s) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            yield connection


def test_over_tls_the_cookie_belongs_to_this_host_alone(tmp_path: Path) -> None:
    with desk(tmp_path, "--certificate", str(CERTIFICATE), "--key", str(KEY)) as served:
        link = links.make(tmp_path, "anna", (Scope.ADMIN,), time.time_ns())
        browser = Browser(served.url)
        browser.raw = Secure(served.url, ("", ""))
        plain = browser.post("/sign-in", {"link": link}, Origin=f"http://{browser.raw.host}")
        assert plain.status == 403
        entered = browser.post("/sign-in", {"link": link})
        assert entered.status == 303
        cookie, *attributes = browser.set_cookie.split("; ")
        assert cookie.startswith("__Host-sl=SLP")
        assert {*attributes} == {"Path=/", "HttpOnly", "SameSite=Strict", "Secure"}
        assert entered.headers["strict-transport-security"] == "max-age=31536000"
        assert browser.get("/nothing").status == 404
        browser.cookie = cookie.replace("__Host-sl", "sl")
        assert browser.get("/nothing").status == 303


async def hello(call: Call) -> Reply:
    """Say who asks."""
    return reply({"bot": call.bot})


async def heard(account: Account, asked: Asked) -> Told:
    try:
        return await account.get(asked, "/hello")
    finally:
        await asyncio.sleep(0.2)  # until the connection has said goodbye, as it may in a process


@pytest.mark.parametrize("is_believed", [True, False], ids=["its-own", "another"])
def test_the_desk_believes_the_certificate_of_its_gateway_and_no_other(
    tmp_path: Path, is_believed: bool
) -> None:
    seat = Seat(
        bot="person.anna",
        token_id="SLPX",
        secret_sha256=digest("secret"),
        scopes=(Scope.READ,),
    )
    door = Door(frozenset({"127.0.0.1"}), lambda: {"SLPX": seat}, Rates(100.0, 100.0))
    gate = Gate([Route("GET", "/hello", Scope.READ, hello)], door, {})
    asked = Asked(STRANGER, "/", b"", {}, {}, token="SLPX.secret")
    with serving(gate, Binding(certificate=CERTIFICATE, key=KEY), lambda loop: None) as address:
        account = Account(tmp_path, address.url, CERTIFICATE if is_believed else None)
        if is_believed:
            told = asyncio.run(heard(account, asked))
            assert (told.status, told.content) == (200, {"bot": "person.anna"})
            return
        with pytest.raises(BrokerDown, match="does not answer"):
            asyncio.run(heard(account, asked))
