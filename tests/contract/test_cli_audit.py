"""`audit` as users start it: a winning past, a losing one, an empty one, and broken ones."""

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.contract.forked import Done
from tests.contract.forked import told as run

from smart_leverage.ledger.verify import verify

INCIDENT = Path(__file__).parents[3] / "shared/data/incidents/2025-06-02-orders.csv"
DAYS = 90
EQUITY = "20000"


def past(*, edge: float) -> str:
    """Return a round trip a day, worth a twentieth of the account and now and then a quarter."""
    chance, price, rows = random.Random(7), 50_000.0, ["time,symbol,side,qty,price,fee,id"]
    opened = datetime(2024, 1, 2, 15, tzinfo=UTC)
    for day in range(DAYS):
        qty = round((5_000 if day % 9 == 0 else 1_000) / price, 4)
        close = price * (1 + chance.gauss(edge, 0.01))
        for side, hours, at in (("buy", 0, price), ("sell", 6, close)):
            time = opened + timedelta(days=day, hours=hours)
            rows.append(f"{time:%Y-%m-%dT%H:%M:%SZ},BTC/USD,{side},{qty},{at:.2f},1,{side}{day}")
        price *= 1 + chance.gauss(0.0, 0.01)
    return "\n".join(rows) + "\n"


class Page(HTMLParser):
    """Collects the text of a page, what it shows of each figure, and everything it would load."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.shown: dict[str, str] = {}
        self.links: list[str] = []
        self.ids: list[str] = []
        self._code = ""
        self._is_hidden = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._code = named.get("data-figure") or ""
        self._is_hidden = tag in ("script", "style")
        self.ids += [named["id"] or ""] if "id" in named else []
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_endtag(self, tag: str) -> None:
        self._code = ""
        self._is_hidden = False

    def handle_data(self, data: str) -> None:
        if not self._is_hidden:
            self.words.append(data)
        if self._code:
            self.shown[self._code] = data.replace("\u00a0", " ")

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())


class Audited(NamedTuple):
    done: Done
    home: Path
    page: Page
    json: dict[str, Any]

    def figure(self, code: str) -> float:
        return float(self.json["figures"][code]["value"])


def audited(home: Path, *words: str) -> Audited:
    done = run(home, "audit", *words, "--name", "a", "--json", "a.json")
    assert done.code == 0, done.err
    page = Page((home / "runs/a/audit.html").read_text(encoding="utf-8"))
    return Audited(done, home, page, json.loads((home / "a.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def won(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    home = tmp_path_factory.mktemp("won")
    (home / "won.csv").write_text(past(edge=0.008))
    return audited(home, "won.csv", "--equity", EQUITY)


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    home = tmp_path_factory.mktemp("lost")
    (home / "lost.csv").write_text(past(edge=-0.008))
    return audited(home, "lost.csv", "--equity", EQUITY)


def test_a_winning_past(won: Audited) -> None:
    assert won.json["judged"] == "more than luck"
    assert "denied 10 of 90 purchases" in won.json["verdict"]  # a quarter in one coin, ten times
    assert won.figure("return") > 0
    assert won.figure("win_rate") > 0.6
    assert won.figure("psr") > 0.95
    assert won.figure("days_needed") == 0
    assert won.figure("drawdown_governed") < won.figure("drawdown_alone")


def test_a_losing_past(lost: Audited) -> None:
    assert lost.json["judged"] == "a losing edge"
    assert "show a strategy that loses" in lost.json["verdict"]
    assert "the policy makes it lose more slowly, and cannot make it win" in lost.done.out
    assert lost.figure("equity_difference") > 0
    assert lost.figure("drawdown_governed") < lost.figure("drawdown_alone")
    assert lost.json["figures"]["days_needed"]["value"] is None
    assert lost.json["figures"]["days_needed"]["shown"].startswith("not known: ")
    assert lost.figure("joint_12") < 0.005


def test_a_target_that_no_win_rate_reaches_is_said_to_be_out_of_reach(lost: Audited) -> None:
    figure = lost.json["figures"]["win_rate_needed"]
    assert figure["value"] is None
    assert figure["shown"].startswith("out of reach at this payoff, pace and size")
    assert "31 trades a month" in figure["definition"]


def test_the_account_without_the_policy_makes_what_its_trades_made(won: Audited) -> None:
    """The replay is charged the fees of the file, so both ways to add up end at one sum."""
    made = won.figure("return") * float(EQUITY)
    assert made == pytest.approx(won.figure("trades_net"), rel=0.01)


def test_the_page_is_one_file_that_asks_nobody_for_anything(won: Audited) -> None:
    assert all(link.startswith(("#", "data:")) for link in won.page.links)
    for word in ("http://", "https://", "@import", "url("):
        assert word not in (won.home / "runs/a/audit.html").read_text(encoding="utf-8")
    order = [name for name in won.page.ids if name in PARTS]
    assert order == [*PARTS]
    assert (won.home / "runs/a/audit.html").stat().st_size < 400_000


PARTS = ("money", "policy", "skill", "target", "unknown", "sources")


def test_page_json_and_terminal_say_the_same(won: Audited) -> None:
    figures = won.json["figures"]
    assert won.page.shown == {code: figure["shown"] for code, figure in figures.items()}
    for figure in figures.values():
        assert figure["source"]
        assert figure["definition"]
    for sentence in ("verdict", "account", "skill", "target"):
        assert won.json[sentence] in won.page.text
        assert won.json[sentence] in won.done.out
    for line in won.json["unknown"]:
        assert line in won.page.text


def test_the_largest_denied_orders_are_explained_by_page_and_ledger(won: Audited) -> None:
    largest = won.json["largest_denied"]
    assert len(largest) == 5
    assert [Decimal(each["worth"]) for each in largest] == sorted(
        (Decimal(each["worth"]) for each in largest), reverse=True
    )
    assert all("asked would make" in each["sum"][-1] for each in largest)
    assert largest[0]["sum"][-1] in won.page.text
    assert verify(won.home / "runs/a/ledger.sqlite").is_sound
    told = run(won.home, "explain", largest[0]["decision_id"], "--ledger", "runs/a").out
    assert "cap_symbol" in told


def test_nothing_is_promised(won: Audited) -> None:
    text = won.page.text.lower()
    assert "nothing here is a forecast" in text
    assert "at the best size and if it went on like this" in text
    for word in ("guarantee", "will earn", "you will"):
        assert word not in text


def test_without_equity_the_least_is_assumed_and_said_everywhere(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(past(edge=0.002))  # what the fees take
    of = audited(tmp_path, "a.csv")
    assert of.json["is_equity_assumed"] is True
    for text in (of.done.out, of.page.text):
        assert "the least that could pay for its purchases without borrowing" in text
        assert "--equity says what it was" in text
    assert of.figure("gross_most") <= 1.0
    assert of.json["judged"] == "not told from luck"
    assert of.figure("breakeven") < of.figure("win_rate_needed") <= 1.0


def test_equity_alone_is_judged_without_a_replay(tmp_path: Path) -> None:
    chance, worth, start = random.Random(3), 10_000.0, datetime(2024, 1, 1, 21, tzinfo=UTC)
    times, equity, moved = [], [], []
    for day in range(120):
        came = 2_000.0 if day == 60 else 0.0
        worth = worth * (1 + chance.gauss(0.0005, 0.01)) + came
        times.append(int((start + timedelta(days=day)).timestamp()))
        equity.append(round(worth, 2))
        moved.append(came)
    tree = {"timestamp": times, "equity": equity, "cashflow": {"CSD": moved}}
    (tmp_path / "history.json").write_text(json.dumps(tree))
    of = audited(tmp_path, "history.json")
    without = (equity[-1] - 2_000.0) / equity[0] - 1
    assert of.figure("return") == pytest.approx(without, abs=0.03)  # no deposit is a gain
    assert "as history.json says" in of.json["equity_from"]
    assert of.json["counts"] == []
    assert "none of its orders" in of.page.text
    assert not (tmp_path / "runs/a/ledger.sqlite").exists()


@pytest.mark.parametrize(
    ("text", "words", "code", "says"),
    [
        pytest.param("", (), 1, "old.csv: the file is empty", id="empty"),
        pytest.param("time,symbol,side,qty,price\n", (), 1, "the file has no rows", id="no-rows"),
        pytest.param("a,b\n1,2\n", (), 1, "needed are time, symbol, side", id="other-table"),
        pytest.param(
            "time,symbol,side,qty,price\n2024-01-02T15:00:00Z,SPY,buy,-3,400\n", (),
            1, "row 1: qty is '-3'", id="broken-row",
        ),
        pytest.param(
            past(edge=0), ("--hold", "SPY=3"), 2, "tell what the account was worth", id="holds",
        ),
        pytest.param(past(edge=0), ("--drawdown", "8%"), 2, "write 0.08", id="per-cent"),
        pytest.param(
            past(edge=0), ("--out", "old.csv"), 2, "old.csv is a file of the past", id="itself",
        ),
        pytest.param(past(edge=0), ("--json", "."), 2, ". is a folder", id="folder"),
    ],
)  # fmt: skip
def test_a_past_that_cannot_be_audited_says_what_would_be_right(
    tmp_path: Path, text: str, words: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / "old.csv").write_text(text)
    done = run(tmp_path, "audit", "old.csv", *words)
    assert done.code == code
    assert says in " ".join(done.err.replace("│", " ").split())
    assert not (tmp_path / "runs").exists()
    assert (tmp_path / "old.csv").read_text() == text


def test_where_nothing_can_be_written_the_audit_says_so(tmp_path: Path) -> None:
    rows = past(edge=0).splitlines(keepends=True)[:3]
    (tmp_path / "old.csv").write_text("".join(rows))
    done = run(tmp_path, "audit", "old.csv", "--json", "none/a.json")
    assert done.code == 1
    assert "a.json: cannot be written: No such file or directory" in done.err
    told = run(tmp_path, "audit", "old.csv", "--json", "-", "--quiet")
    assert told.err == ""
    assert told.json["figures"]["win_rate"]["basis"] in ("0 of 1", "1 of 1")


@pytest.mark.needs("market-data")
def test_the_incident(tmp_path: Path) -> None:
    """What ran away then: crypto at four times its cap, and stocks above all of the account."""
    of = audited(tmp_path, str(INCIDENT), "--equity", "91087.52", "--coins", "24013")
    assert of.json["verdict"].startswith(
        "The policy would have denied 79 of 80 purchases and kept crypto at 26 % of equity at most "
        "instead of 99 %, where it allows 25 %; "
    )
    assert "2 days cannot say how likely" in of.json["verdict"]
    assert of.figure("gross_most") > 1.9
    assert of.figure("gross_most_governed") < 1.0
    assert Decimal(of.json["sold"]["trim"]["notional"]) > 1_000
    text = of.page.text
    assert "118 orders, 86 filled in truth" in text
    assert "Where the money came from for 59 orders" in text
    assert "AMD, IWM, JNJ and 4 more" in text
    assert of.json["judged"] == "not told from luck"
