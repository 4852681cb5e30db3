"""One turn after the other: read, look, group, keep, hand out; nothing waits for a service."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import ConfigError
from smart_leverage.notify import schedule
from smart_leverage.notify.building import LateChannel, builders, pinger
from smart_leverage.notify.channels.base import Channel
from smart_leverage.notify.conditions import Bounds, Seen, conditions, is_alive
from smart_leverage.notify.config import Notify
from smart_leverage.notify.keeping import STATE, read_kept, write
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.message import Level
from smart_leverage.notify.post import Kept, Parcel, Post
from smart_leverage.notify.sending import Network
from smart_leverage.notify.statement import statement
from smart_leverage.notify.watcher import EVERY_NS
from smart_leverage.notify.wording import When
from smart_leverage.notify.workers import Workers
from smart_leverage.runtime.notifier.following import Follower
from smart_leverage.runtime.notifier.looking import Look

_LOG = logging.getLogger(__name__)

TURN_S = 0.5
KEEP_EVERY_NS = 5 * SECOND_NS
"""How often counts are kept that nobody waits for."""

END_WITHIN_S = 5.0
WATCHER = "watcher"


class Notifier:
    """Tells people what an account's ledger says; for one thread, beside its workers.

    What leaves is kept before it does, urgent messages durably, and what became of it after that:
    whatever ends this process, the next one goes on from there, and after a power loss from an
    earlier place of the journal. While nothing can be kept, as on a full disk, people are told all
    the same.
    """

    def __init__(
        self,
        ledger: Path,
        config: Notify,
        channels: Mapping[str, Channel],
        *,
        look: Look | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Join the parts; a channel named "watcher" gets signs of life and nothing else."""
        self._folder = ledger.parent
        self._config = config
        self._bounds = Bounds(
            stale_after_ns=int(config.stale_after_s * SECOND_NS),
            bot_silent_ns=int(config.bot_silent_minutes * MINUTE_NS),
        )
        kept = read_kept(self._folder) or Kept()
        self.post = Post(config.channels, kept)
        self.follower = Follower(ledger, kept)
        self._look = look or Look(ledger)
        self._workers = Workers(channels, wake)
        self._has_watcher = WATCHER in channels
        self._is_pinging = False
        self._pinged_ns = self._kept_ns = 0
        self._content = b""

    def turn(self, now_ns: int) -> None:
        """Do everything that is to be done by now."""
        is_settled = self._settle(now_ns)
        self.post.take(self.follower.news(now_ns), now_ns)
        self.post.label = self.follower.known.label
        seen = self._seen(now_ns)
        when = When(self.follower.known.timezone, now_ns)
        troubles = self.post.kept.groups.troubles
        self.post.take([*conditions(seen, self._bounds, troubles, when)], now_ns)
        self._state(when, now_ns)
        self.post.pass_time(now_ns)
        parcels = self.post.hand_out(now_ns)
        is_urgent = any(parcel.level is Level.URGENT for parcel in parcels.values())
        self._keep(now_ns, is_news=is_settled or bool(parcels), is_durable=is_urgent)
        for channel, parcel in parcels.items():
            self._workers.hand(channel, parcel)
        self._ping(seen)

    def close(self) -> None:
        """Let what is under way end, within bounds, and keep what is known."""
        self._workers.close()
        self._settle(time.time_ns())
        self._keep(time.time_ns(), is_news=True, is_durable=True)
        self.follower.close()

    def _settle(self, now_ns: int) -> bool:
        done = self._workers.done()
        for channel, number, outcome in done:
            if channel == WATCHER:
                self._is_pinging = False
                self.post.kept.watcher.note(outcome, now_ns)
            self.post.settle(channel, number, outcome, now_ns)
        return bool(done)

    def _seen(self, now_ns: int) -> Seen:
        follower = self.follower
        return self._look.at(now_ns)._replace(
            state=follower.known.state,
            committed_ns=follower.committed_ns,
            unreadable=follower.unreadable,
            bots_ns=follower.known.bots_ns,
        )

    def _state(self, when: When, now_ns: int) -> None:
        """Make the statement of a close that has passed; a new account begins with the next one."""
        kept, known = self.post.kept, self.follower.known
        if not self._config.statements or known.opened is None:
            return
        if not kept.stated_ns:
            kept.stated_ns = kept.week_ns = now_ns
            known.begin_day(now_ns, is_week=True)
            return
        due = schedule.due(Sessions.xnys(), kept.stated_ns, now_ns)
        if due is None:
            return
        kinds = (False, True) if due.is_week else (False,)
        for is_week in kinds:
            self.post.state(statement(known, when, due.close_ns, is_week=is_week), now_ns)
        kept.stated_ns = now_ns
        kept.week_ns = now_ns if due.is_week else kept.week_ns
        known.begin_day(now_ns, is_week=due.is_week)

    def _keep(self, now_ns: int, *, is_news: bool, is_durable: bool) -> None:
        """Keep what is known: news at once, so that a kill repeats nothing; counts now and then.

        Only before an urgent message leaves the disk is waited for, which the ledger needs as well.
        """
        if not is_news and now_ns - self._kept_ns < KEEP_EVERY_NS:
            return
        content = self.post.encoded()
        self._kept_ns = now_ns
        if content == self._content:
            return
        try:
            write(self._folder / STATE, content, is_durable=is_durable)
            self._content = content
        except OSError as error:
            _LOG.warning("what was told cannot be kept: %s", error)

    def _ping(self, seen: Seen) -> None:
        """Give a sign of life each minute, only while the account truly lives."""
        is_due = seen.now_ns - self._pinged_ns >= EVERY_NS
        if not self._has_watcher or self._is_pinging or not is_due:
            return
        if is_alive(seen, self._bounds):
            self._is_pinging, self._pinged_ns = True, seen.now_ns
            self._workers.hand(WATCHER, Parcel.of_nothing(seen.now_ns))


class Running:
    """The thread of a notifier: a turn whenever a try has ended, or half a second has passed."""

    def __init__(self, ledger: Path, config: Notify, network: Network) -> None:
        """Make channels and workers; `start` begins."""
        self._over = threading.Event()
        self._has_news = threading.Event()
        self._notifier = Notifier(
            ledger, config, channels_of(config, network), wake=self._has_news.set
        )
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """End within bounds; what waits is kept."""
        self._over.set()
        self._has_news.set()
        self._thread.join(END_WITHIN_S)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._notifier.turn(time.time_ns())
            except Exception:  # noqa: BLE001 - a bug costs one turn and not all that follow
                _LOG.exception("a turn of the notifier broke")
            self._has_news.wait(TURN_S)
            self._has_news.clear()
        self._notifier.close()


def channels_of(config: Notify, network: Network) -> dict[str, Channel]:
    """Return the channels that are on, and the watcher as one more; each is made when needed."""
    found: dict[str, Channel] = {
        name: LateChannel(name, build) for name, build in builders(config, network).items()
    }
    if config.watcher is not None:
        found[WATCHER] = _WatcherChannel(config, network)
    return found


class _WatcherChannel:
    """The outside watcher in the form of a channel, so that it has a thread like the others."""

    name = WATCHER

    def __init__(self, config: Notify, network: Network) -> None:
        self._config = config
        self._network = network

    def send(self, parcel: Parcel) -> Outcome:
        """Give one sign of life; what a parcel says is nobody's business there."""
        try:
            made = pinger(self._config, self._network)
        except ConfigError as error:
            return Outcome(is_sent=False, why=error.problems[0])
        assert made is not None  # noqa: S101 - the channel exists only with a watcher
        return made.ping()
