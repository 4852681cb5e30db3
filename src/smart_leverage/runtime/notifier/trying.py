"""One message through each channel, to see that it would arrive."""

from collections.abc import Mapping

from smart_leverage.notify.channels.base import Channel
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.message import Level
from smart_leverage.notify.post import Parcel


def tried(channels: Mapping[str, Channel], label: str, now_ns: int) -> dict[str, Outcome]:
    """Send a test through channels, one after the other, and return what became of each.

    Args:
        channels: By name; see `notifier.channels_of`.
        label: Mode and account, as each message begins.
        now_ns: UTC, nanoseconds.
    """
    text = f"[{label}] ● TEST this channel works"
    parcel = Parcel(1, f"test-{now_ns}", Level.NORMAL, text, is_silent=False, at_ns=now_ns)
    return {name: channel.send(parcel) for name, channel in channels.items()}
