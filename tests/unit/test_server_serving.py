"""Where a server may listen, and that it comes and goes with its block."""

import socket
import threading
from pathlib import Path

import pytest
from tests.wire.raw import Raw

from smart_leverage.domain.bots import Scope, Seat, digest
from smart_leverage.domain.errors import ConfigError
from smart_leverage.server.gate import Door, Gate
from smart_leverage.server.http import Call, Reply, Route, reply
from smart_leverage.server.rates import Rates
from smart_leverage.server.serving import Binding, check_binding, serving

SEAT = Seat(bot="one", token_id="SLKA", secret_sha256=digest("s"), scopes=(Scope.READ,))


async def hello(call: Call) -> Reply:
    return reply({"bot": call.bot})


def app() -> Gate:
    door = Door(
        hosts=frozenset({"127.0.0.1"}), seats=lambda: {"SLKA": SEAT}, rates=Rates(1000.0, 1000.0)
    )
    return Gate([Route("GET", "/hello", Scope.READ, hello)], door, {})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_this_machine_needs_no_certificate(host: str) -> None:
    check_binding(Binding(host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_other_machines_are_let_in_with_a_certificate_only(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.certificate"):
        check_binding(Binding(host))
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.touch()
    with pytest.raises(ConfigError, match="both or none"):
        check_binding(Binding(host, certificate=certificate))
    with pytest.raises(ConfigError, match="no such file"):
        check_binding(Binding(host, certificate=certificate, key=key))
    key.touch(0o644)
    with pytest.raises(ConfigError, match=r"open to others, mode 0644; `chmod 600"):
        check_binding(Binding(host, certificate=certificate, key=key))
    key.chmod(0o600)
    check_binding(Binding(host, certificate=certificate, key=key))


def test_it_serves_while_its_block_runs_and_no_longer() -> None:
    heard: list[object] = []
    before = threading.active_count()
    with serving(app(), Binding(), heard.append) as address:
        answer = Raw(address.url, ("SLKA", "s"))("GET", "/hello")
        assert (answer.status, answer.json) == (200, {"bot": "one"})
        assert heard[0] is not None
    assert heard[-1] is None
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.host, address.port), 1.0)


def test_a_port_that_is_taken_is_told_and_a_spare_one_is_only_a_wish() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=rf"server\.port = {port}"),
            serving(app(), Binding(port=port), lambda loop: None),
        ):
            raise AssertionError("it listened")
        with serving(app(), Binding(spare_port=port), lambda loop: None) as address:
            assert address.port != port


def test_who_waits_while_it_ends_still_gets_an_answer() -> None:
    told = threading.Event()
    calls = []

    async def slow(call: Call) -> Reply:
        import asyncio

        while not told.is_set():
            await asyncio.sleep(0.01)
        return reply({})

    gate = Gate([Route("GET", "/slow", Scope.READ, slow)], app()._door, {})
    answers: list[int] = []

    def meanwhile() -> None:
        calls.append(1)
        told.set()

    with serving(gate, Binding(), lambda loop: None, meanwhile) as address:
        raw = Raw(address.url, ("SLKA", "s"))
        asking = threading.Thread(target=lambda: answers.append(raw("GET", "/slow").status))
        asking.start()
        while gate._in_hand == 0:
            pass
    asking.join(5.0)
    assert answers == [200]
    assert calls
