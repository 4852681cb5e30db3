"""A test message through every channel that is configured, so that silence means something."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import MsgspecError

from smart_leverage.domain.bots import Scope
from smart_leverage.notify.keeping import read_config
from smart_leverage.server.desk.asking import Asked
from smart_leverage.server.desk.steering.account import Account
from smart_leverage.server.desk.steering.acting import Action
from smart_leverage.server.desk.steering.outcomes import DONE, REFUSED, Outcome

NONE = "no channel is configured, so nobody would be told of anything"


class Sent(NamedTuple):
    """What became of a test message on one channel."""

    channel: str
    is_sent: bool
    why: str


class Channels(NamedTuple):
    """The channels by name, and what sends a test through all of them."""

    names: tuple[str, ...]
    test: Callable[[str], Awaitable[list[Sent]]]
    """Takes the name of whoever asked."""


def channels_of_run(folder: Path, label: str) -> Channels | None:
    """Return the channels through which a run tells people; None where it tells nobody.

    Args:
        folder: Of the run, with what its start has left there of the configuration.
        label: Mode and account, as each message begins.
    """
    try:
        config = read_config(folder)
    except (OSError, MsgspecError):
        return None  # the notifier's own start has said so, and tells nobody either
    if config is None or not config.is_on:
        return None
    # Loaded only where somebody is told: a desk of an account that tells nobody needs none of it.
    from smart_leverage.notify.sending import Network
    from smart_leverage.runtime.notifier.notifier import channels_of
    from smart_leverage.runtime.notifier.trying import tried

    channels = channels_of(config, Network())

    async def test(name: str) -> list[Sent]:
        said = f"{label}, {name} asks"
        outcomes = await asyncio.to_thread(tried, channels, said, time.time_ns())
        return [Sent(one, outcome.is_sent, outcome.why) for one, outcome in outcomes.items()]

    return Channels(tuple(channels), test)


class NotifyTest(Action):
    """Sends a test through every channel."""

    name = "notify-test"
    title = "Test the notifications"
    says = "Send a test message through every channel that is configured."
    button = "Send a test"
    scope = Scope.HALT

    def __init__(self, account: Account, channels: Channels | None) -> None:
        """Test these channels; None where there are none."""
        super().__init__(account)
        self._channels = channels

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return the channels."""
        return {"channels": () if self._channels is None else self._channels.names, "none": NONE}

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Send it, and tell what became of it on each."""
        if self._channels is None or not self._channels.names:
            return Outcome(title=self.title, result=REFUSED, lines=(NONE,))
        sent = await self._channels.test(asked.visitor.name)
        return Outcome(
            title=self.title,
            result=DONE if all(each.is_sent for each in sent) else REFUSED,
            lines=tuple(f"{each.channel}: {each.why or 'sent'}" for each in sent),
        )
