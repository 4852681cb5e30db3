"""A test message through every channel that is configured, so that silence means something."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from smart_leverage.domain.bots import Scope
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
