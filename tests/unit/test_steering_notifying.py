"""The desk tries the channels of the run it belongs to."""

import asyncio
from pathlib import Path

import msgspec

from smart_leverage.notify.config import Notify, Webhook
from smart_leverage.notify.keeping import CONFIG
from smart_leverage.server.desk.steering.notifying import Sent, channels_of_run


def configured(folder: Path, config: Notify) -> Path:
    (folder / CONFIG).write_bytes(msgspec.json.encode(config))
    return folder


def test_a_run_that_tells_nobody_has_no_channels(tmp_path: Path) -> None:
    assert channels_of_run(tmp_path, "SIM …main") is None
    assert channels_of_run(configured(tmp_path, Notify()), "SIM …main") is None


def test_what_cannot_be_read_tells_nobody_and_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text("no JSON")
    assert channels_of_run(tmp_path, "SIM …main") is None


def test_a_test_says_what_became_of_each_channel(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SLEV_WEBHOOK_SECRET", "a" * 32)
    inside = Notify(webhook=Webhook(url="https://127.0.0.1/told"))
    channels = channels_of_run(configured(tmp_path, inside), "SIM …main")
    assert channels is not None
    assert channels.names == ("webhook",)

    async def tried() -> list[Sent]:
        return await channels.test("anna")

    (sent,) = asyncio.run(tried())
    assert (sent.channel, sent.is_sent) == ("webhook", False)
    assert "127.0.0.1" in sent.why
