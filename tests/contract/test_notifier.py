"""The notifier over a real ledger and real receivers: floods, stops, failures, signs of life."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.unit.test_notify_telling import AT, INTENT, MARK, TRIP, decided, opened
from tests.wire.receivers import Mailbox, Posted, Receiver, Reply, mailbox, network, receiver, trust

from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.orders import Fill, OrderState, Side
from smart_leverage.domain.records import (
    UNWRITABLE,
    Filled,
    Marked,
    OrderMoved,
    Record,
    StateChanged,
    TierGranted,
)
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.ledger.space import Room, Space
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.notify.channels.base import Channel
from smart_leverage.notify.channels.mail import MailChannel
from smart_leverage.notify.channels.webhook import WebhookChannel
from smart_leverage.notify.config import Mail, Notify, Watcher, Webhook
from smart_leverage.notify.keeping import STATE, read_kept
from smart_leverage.notify.rules import Rules
from smart_leverage.notify.secrets import Secret
from smart_leverage.notify.watcher import Pinger
from smart_leverage.runtime.notifier.looking import Look
from smart_leverage.runtime.notifier.notifier import WATCHER, Notifier

RULES = Rules(timezone="UTC", per_minute=600.0)
ENOUGH = Room(1 << 40, Space.ENOUGH)


class Account:
    """A ledger that a test writes, and the notifiers that read it one after the other."""

    def __init__(self, folder: Path, server: Receiver) -> None:
        self.path = folder / "ledger.sqlite"
        self.ledger = SqliteLedger(self.path)
        self.ledger.commit([opened()])
        self.server = server
        self.now_ns = AT
        self.rules = RULES
        self.answers = True
        self.room = ENOUGH
        self.more: dict[str, Channel] = {}
        self.mail: Mail | None = None
        self.running: Notifier | None = None

    def start(self, *, watcher: Watcher | None = None) -> Notifier:
        """Start another notifier; the one before is left as a kill leaves it."""
        hook = Webhook(url=f"{self.server.origin}/hook", rules=self.rules)
        channels = {"webhook": WebhookChannel(hook, Secret("k"), network()), **self.more}
        self.running = Notifier(
            self.path,
            Notify(webhook=hook, mail=self.mail, watcher=watcher),
            channels,
            look=Look(
                self.path,
                answers=lambda folder: self.answers,
                ask_room=lambda path: self.room,
            ),
        )
        return self.running

    def record(self, *records: Record) -> None:
        stamped = [msgspec.structs.replace(each, at_ns=self.now_ns) for each in records]
        self.ledger.commit(stamped)

    def turns(self, until: Callable[[], object] = lambda: True, most: int = 5_000) -> None:
        """Let turns pass, at one instant, until something is so and nothing is under way."""
        assert self.running is not None
        self.running.turn(self.now_ns)
        for _ in range(most):
            lines = self.running.post.kept.lines.values()
            if until() and not any(one.handed for line in lines for one in line.waiting):
                return
            time.sleep(0.002)
            self.running.turn(self.now_ns)
        raise AssertionError(f"not so after {most} turns: {self.texts}")

    def pass_time(self, span_ns: int) -> None:
        self.now_ns += span_ns
        self.turns()

    @property
    def texts(self) -> list[str]:
        return [posted.json["text"] for posted in self.server.posted if posted.path == "/hook"]


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def account(tmp_path: Path, server: Receiver) -> Iterator[Account]:
    made = Account(tmp_path, server)
    yield made
    if made.running is not None:
        made.running.close()
    made.ledger.close()


def halt(number: int) -> StateChanged:
    return StateChanged(at_ns=AT, before="active", after="halted", why=f"no {number}.", who="ann")


def tier(number: int) -> TierGranted:
    return TierGranted(
        at_ns=AT, before="STABLE", after="LEARNING", earned="LEARNING", wins=number,
        closed=10_000 + number, win_rate="0.4", month_return="-0.02", why="fall",
    )  # fmt: skip


def trip(number: int) -> Record:
    return msgspec.structs.replace(TRIP, limit=Decimal("0.03"), value=Decimal("0.04") + number)


def fill(number: int) -> Filled:
    return Filled(
        at_ns=AT,
        fill=Fill(
            execution_id=f"e{number}", client_order_id="sl-1", key=INTENT.order.key, side=Side.SELL,
            qty=Decimal("0.0001"), price=Decimal(50_000), fee=Decimal(0), fee_asset="USD", at_ns=AT,
        ),
    )  # fmt: skip


def rejected(number: int) -> OrderMoved:
    return OrderMoved(
        at_ns=AT, client_order_id=f"sl-x{number}", state=OrderState.REJECTED, status="rejected",
        filled_qty=Decimal(0), reason="insufficient qty", broker_code=40310000,
    )  # fmt: skip


# -- the flood ------------------------------------------------------------------------------------

TRIPS, HALTS, TIERS, REJECTED, FILLS, DENIED = 40, 30, 30, 400, 1_500, 3_000


def flood() -> list[Record]:
    """Return 5,000 messages' worth of records, all kinds mixed."""
    kinds: list[tuple[int, Callable[[int], Record]]] = [
        (TRIPS, trip),
        (HALTS, halt),
        (TIERS, tier),
        (REJECTED, rejected),
        (FILLS, fill),
        (DENIED, lambda number: decided("denied", f"bot{number % 7}")),
    ]
    found = [(place / count, make(place)) for count, make in kinds for place in range(count)]
    return [record for _, record in sorted(found, key=lambda each: each[0])]


def parsed_counts(texts: Sequence[str]) -> Counter[str]:
    """Return how many messages of each kind some texts stand for, as a reader would count."""
    found: Counter[str] = Counter()
    heads = {"DENIED": "denied", "FILL": "fills", "REJECTED": "rejected by the broker"}
    for text in texts:
        body = text.partition("] ")[2]
        if " not told one by one " in body:
            for count, what in re.findall(r"([\d,]+) ([a-z ]+?)(?:,|$)", body.partition(": ")[2]):
                found[what] += int(count.replace(",", ""))
            continue
        more = re.match(r"([\d,]+) more of this, the last: . (\w+)", body)
        alone = re.match(r". (\w+)", body)
        if more:
            found[heads.get(more[2], more[2])] += int(more[1].replace(",", ""))
        elif alone:
            found[heads.get(alone[1], alone[1])] += 1
    return found


@pytest.mark.parametrize("per_minute", [600.0, 1.0], ids=["quick-channel", "slow-channel"])
def test_of_5000_messages_what_matters_is_told_and_the_rest_counted_exactly(
    account: Account, per_minute: float
) -> None:
    account.rules = msgspec.structs.replace(RULES, per_minute=per_minute, waiting_max=3)
    records = flood()
    assert len(records) == 5_000
    account.record(INTENT)
    account.start()
    account.turns()
    began = len(account.texts)
    for place in range(0, len(records), 500):
        account.record(*records[place : place + 500])
        account.turns()
    account.turns(lambda: sum("HALTED" in text for text in account.texts) == HALTS)
    assert account.now_ns == AT  # none of them has waited for anything
    while sum("TIER" in text for text in account.texts) < TIERS:
        account.pass_time(MINUTE_NS)
    for _ in range(40):
        account.pass_time(20 * MINUTE_NS)
    counts = parsed_counts(account.texts[began:])
    assert counts["TRIPPED"] == TRIPS
    assert counts["HALTED"] == HALTS
    assert counts["TIER"] == TIERS
    assert counts["rejected by the broker"] == REJECTED
    assert counts["fills"] == FILLS
    assert counts["denied"] == DENIED
    for number in range(HALTS):
        assert sum(f" no {number}." in text for text in account.texts) == 1
    assert len(account.texts) < 250


# -- stops ----------------------------------------------------------------------------------------


def test_a_kill_before_delivery_costs_no_urgent_message_and_the_next_says_again(
    account: Account, server: Receiver
) -> None:
    server.answer = lambda posted: Reply(after_s=60.0)
    first = account.start()
    account.record(halt(1))
    first.turn(account.now_ns)  # handed out, and no answer comes before the kill
    account.record(halt(2))
    first.turn(account.now_ns)
    server.answer = lambda posted: Reply()
    account.start()
    account.turns(lambda: sum(" no 2." in text for text in account.texts) == 1)
    (again,) = [text for text in account.texts if " no 1." in text and "again: " in text]
    assert again.startswith("[PAPER …4F2A] again: ■ HALTED 14:36 no 1.")


def test_what_was_told_is_not_told_again_by_the_next_one(account: Account) -> None:
    account.start()
    account.record(halt(1))
    account.turns(lambda: any(" no 1." in text for text in account.texts))
    account.start()
    account.record(halt(2))
    account.turns(lambda: any(" no 2." in text for text in account.texts))
    assert sum(" no 1." in text for text in account.texts) == 1


def test_what_happened_while_nobody_was_there_is_told_afterwards(account: Account) -> None:
    account.start()
    account.turns()
    account.running = None
    account.record(halt(1), tier(1))
    account.now_ns += 26 * HOUR_NS
    account.start()
    account.turns(lambda: any("TIER" in text for text in account.texts))
    (halted,) = [text for text in account.texts if "HALTED" in text]
    assert "HALTED Fri 14:36" in halted


def test_the_first_notifier_of_an_old_account_does_not_tell_its_past(account: Account) -> None:
    account.record(*(halt(number) for number in range(50)))
    account.now_ns += HOUR_NS
    account.record(halt(99))
    account.start()
    account.turns(lambda: any(" no 99." in text for text in account.texts))
    assert sum("HALTED" in text for text in account.texts) == 1


def test_a_ledger_in_the_place_of_another_is_followed(account: Account, tmp_path: Path) -> None:
    account.start()
    account.record(halt(1))
    account.turns(lambda: any(" no 1." in text for text in account.texts))
    account.ledger.close()
    for file in tmp_path.glob("ledger.sqlite*"):
        file.unlink()
    account.ledger = SqliteLedger(account.path)
    account.ledger.commit([opened()])
    account.record(halt(2))
    account.turns(lambda: any(" no 2." in text for text in account.texts))


# -- failures -------------------------------------------------------------------------------------


def test_a_channel_that_hangs_delays_no_other_and_no_turn(
    account: Account, server: Receiver
) -> None:
    with mailbox() as box:
        account.mail = mail_of(box)
        account.more["mail"] = MailChannel(account.mail, None, trust())
        server.answer = lambda posted: Reply(after_s=4.0)
        running = account.start()
        account.record(halt(1), halt(2), halt(3))
        began_s = time.monotonic()
        while len(box.mails) < 3 and time.monotonic() - began_s < 3.5:
            before_s = time.monotonic()
            running.turn(account.now_ns)
            assert time.monotonic() - before_s < 1.0
            time.sleep(0.01)
        assert [str(mail["Subject"]).count("HALTED") for mail in box.mails] == [1, 1, 1]


def mail_of(box: Mailbox) -> Mail:
    return Mail(
        host="localhost", port=box.port, security="starttls", sender="desk@example.test",
        to=("a@example.test",), rules=RULES,
    )  # fmt: skip


def test_a_service_that_is_down_is_shown_and_gets_everything_once_it_is_back(
    account: Account, server: Receiver, tmp_path: Path
) -> None:
    server.answer = lambda posted: Reply(503)
    running = account.start()
    account.record(halt(1), tier(1))
    account.turns(lambda: running.post.kept.lines["webhook"].standing.failures)
    kept = read_kept(tmp_path)
    assert kept is not None
    standing = kept.lines["webhook"].standing
    assert (standing.failures, standing.why) == (1, "refused with 503")
    server.answer = lambda posted: Reply()
    server.posted.clear()
    for _ in range(6):
        account.pass_time(5 * MINUTE_NS)
    told = [text for text in account.texts if "HALTED" in text or "TIER" in text]
    assert len(told) == 2
    assert all("again: " in text for text in told[:1])  # a 503 may come after the work was done
    assert running.post.kept.lines["webhook"].standing.failures == 0


def test_a_disk_that_takes_nothing_silences_nobody(account: Account, tmp_path: Path) -> None:
    (tmp_path / f"{STATE}.new").mkdir()
    account.start()
    account.record(halt(1))
    account.turns(lambda: any(" no 1." in text for text in account.texts))
    assert read_kept(tmp_path) is None


def test_a_state_that_is_damaged_is_begun_anew(account: Account, tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b'{"read_seq": "many"}')
    account.start()
    account.record(halt(1))
    account.turns(lambda: any(" no 1." in text for text in account.texts))


# -- troubles -------------------------------------------------------------------------------------


def test_a_ledger_in_trouble_is_told_from_its_emergency_journal(
    account: Account, server: Receiver
) -> None:
    account.start()
    account.turns()
    account.ledger.close()
    refuge = Refuge(account.path, account.now_ns, f"{UNWRITABLE}: disk full")
    refuge.commit([INTENT])
    account.pass_time(10 * SECOND_NS)
    account.turns(lambda: any("■ LEDGER" in text for text in account.texts))
    (text,) = [text for text in account.texts if "■ LEDGER" in text]
    assert "the ledger cannot be written: disk full" in text
    refuge.close()
    account.ledger = SqliteLedger(account.path)  # takes it over
    account.pass_time(10 * SECOND_NS)
    account.turns(lambda: any("● LEDGER" in text and "again" in text for text in account.texts))
    assert any("■ HALTED" in text for text in account.texts)  # as it came into the journal


def test_a_full_disk_is_told_again_after_5_15_and_60_minutes_and_closed(account: Account) -> None:
    account.start()
    account.turns()
    account.room = Room(5 << 20, Space.SHORT)
    for _ in range(70):
        account.pass_time(MINUTE_NS)
    account.room = ENOUGH
    account.pass_time(MINUTE_NS)
    account.turns(lambda: any("● DISK" in text for text in account.texts))
    told = [text for text in account.texts if "DISK" in text]
    assert [text.split("] ")[1].split(":")[0] for text in told[:4]] == [
        "■ DISK 14",
        "still, for 5 min",
        "still, for 15 min",
        "still, for 1 h",
    ]
    assert "has room again" in told[4]


# -- statements and signs of life -----------------------------------------------------------------


def test_a_statement_comes_at_the_close_with_the_counts_of_what_was_not_told(
    account: Account,
) -> None:
    account.rules = msgspec.structs.replace(RULES, quiet="off")
    account.now_ns -= 4 * HOUR_NS  # the market closes early that Friday, at 13:00
    account.start()
    account.turns()
    account.now_ns += SECOND_NS
    account.record(msgspec.structs.replace(MARK, equity=Decimal(99_000)), *(decided("denied"),) * 3)
    account.turns()
    account.pass_time(20 * MINUTE_NS)
    assert not any("DAY to" in text for text in account.texts)
    account.pass_time(3 * HOUR_NS)
    account.turns(lambda: any("WEEK to" in text for text in account.texts))
    (day,) = [text for text in account.texts if "DAY to" in text]
    assert "equity $99,000.00" in day
    assert "0 approved, 0 cut, 3 denied" in day
    assert day.splitlines()[-1] == "not told one by one: 3 denied, 1 starts"


def test_signs_of_life_come_each_minute_while_the_account_lives_and_never_otherwise(
    account: Account, server: Receiver
) -> None:
    def pings() -> list[Posted]:
        return [posted for posted in server.posted if posted.path == "/alive"]

    class Alive:
        name = WATCHER

        def send(self, parcel):
            return Pinger(Secret(f"{server.origin}/alive"), network()).ping()

    account.more[WATCHER] = Alive()
    running = account.start(watcher=Watcher())
    for _ in range(5):
        account.record(MARK)
        account.turns(lambda: not running._is_pinging)
        account.now_ns += MINUTE_NS
    assert len(pings()) == 5
    account.answers = False  # it hangs, and its ledger is fresh
    account.record(MARK)
    account.turns()
    account.now_ns += 10 * MINUTE_NS
    account.answers = True  # it answers, and nothing is valued
    account.turns()
    assert len(pings()) == 5
    assert running.post.kept.watcher.sent == 5


def test_a_mark_is_what_shows_that_the_account_is_valued(account: Account) -> None:
    account.start()
    account.record(MARK)
    account.pass_time(MINUTE_NS)
    assert not any("STALE" in text for text in account.texts)
    account.pass_time(3 * MINUTE_NS)
    account.turns(lambda: any("▲ STALE" in text for text in account.texts))
    account.record(MARK)
    account.turns(lambda: any("● STALE" in text for text in account.texts))
    assert isinstance(MARK, Marked)
