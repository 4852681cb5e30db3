"""Puts figures of your own to the one decision, so that anybody can check a rule."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.cli.case import Case
    from smart_leverage.policy.decide import Decision
    from smart_leverage.policy.params import Policy


class Bound(NamedTuple):
    """One bound of a buy: how much it lets through, in money and in lots.

    `limit` is the money at the bound, `used` what counts against it, `cap` its fraction of equity.
    """

    name: str
    reason: str
    cap: float | None
    limit: float
    used: float
    room: float
    lots: int


@command(
    "smart-leverage limits eval --example > case.json",
    "smart-leverage limits eval case.json --json",
)
def evaluate(
    screen: Screen,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A case in JSON; - reads from stdin.")
    ] = None,
    is_example: Annotated[
        bool, typer.Option("--example", help="Print a complete case and stop.")
    ] = False,
) -> None:
    """Ask the policy about a state that you describe in JSON.

    Needs no account and no ledger. FILE holds `account`, `asset` and `proposal`; `policy` may
    change numbers, in the form of the configuration. Money is in account currency, caps are
    fractions, null means "not known".
    """
    if is_example:
        _print_example()
        return
    if file is None:
        raise typer.BadParameter("name a file, - for stdin, or --example", param_hint="FILE")
    from smart_leverage.cli.case import read_case
    from smart_leverage.cli.overrides import problems_of, settings_with
    from smart_leverage.wiring import policy_of

    case = read_case(_read(file), str(file), problems_of)
    policy = policy_of(settings_with(case.overrides))
    answer = _answer(case, policy)
    if screen.as_json:
        screen.record(_fields(case, policy, answer))
    else:
        _show(screen, case, policy, answer)


def _print_example() -> None:
    import json

    from smart_leverage.cli.fields import EXAMPLE

    sys.stdout.write(f"{json.dumps(EXAMPLE, indent=2)}\n")


def _read(file: Path) -> str:
    from smart_leverage.domain.errors import BadData

    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise BadData(f"cannot be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError:
        raise BadData("is not UTF-8 text", file=file) from None


def _answer(case: "Case", policy: "Policy") -> "Decision":
    from smart_leverage.policy.decide import decide

    return decide(case.account, case.asset, case.proposal, policy)


# -- the answer -----------------------------------------------------------------------------------


def _verdict(case: "Case", answer: "Decision") -> str:
    if answer.lots <= 0:
        return "denied"
    return "cut" if 0 < case.proposal.lots > answer.lots else "approved"


def _unit(reason: str) -> str:
    if reason in ("cap_crypto", "cap_leveraged", "cap_gross", "cap_symbol"):
        return "fraction"
    return "money" if reason in ("size", "cap_bot", "buying_power") else "count"


def _sentence(case: "Case", answer: "Decision") -> str:
    from smart_leverage.domain.sentences import sentence

    reason = answer.reason.name.lower()
    is_sale = not case.proposal.is_buy
    bound, would_be = _exact(answer.bound), _exact(answer.would_be)
    return sentence(reason, _unit(reason), bound, would_be, is_sale=is_sale)


def _exact(value: float) -> Any:
    """Return a float for the sentence; what is not finite was not counted."""
    import math
    from decimal import Decimal

    return Decimal(repr(value)) if math.isfinite(value) else Decimal(0)


def _fields(case: "Case", policy: "Policy", answer: "Decision") -> dict[str, Any]:
    reason = answer.reason.name.lower()
    return {
        "verdict": _verdict(case, answer),
        "lots": answer.lots,
        "asked": case.proposal.lots,
        "money": answer.lots * case.asset.lot_value,
        "reason": reason,
        "sentence": _sentence(case, answer),
        "unit": _unit(reason),
        "bound": answer.bound,
        "would_be": answer.would_be,
        "size": answer.size,
        "bounds": [bound._asdict() for bound in _bounds(case, policy)],
        "assumed": case.assumed,
    }


def _bounds(case: "Case", policy: "Policy") -> Iterator[Bound]:
    """Yield every bound that a buy of this asset meets, in the order in which ties are settled."""
    from smart_leverage.policy.decide import counts_as_leveraged, symbol_cap, weight_in
    from smart_leverage.policy.tier import tier_caps

    if not case.proposal.is_buy:
        return
    account, asset, groups = case.account, case.asset, policy.groups
    caps, times = tier_caps(account.tier, policy.tiers), weight_in(asset, policy)
    if asset.is_crypto:
        yield _cap(case, "crypto cap", "cap_crypto", caps.crypto, account.crypto_worst, times)
    if counts_as_leveraged(asset):
        used = account.leveraged_worst
        yield _cap(case, "leveraged cap", "cap_leveraged", caps.leveraged, used, times)
    yield _cap(case, "gross cap", "cap_gross", groups.gross, account.gross_worst)
    yield _cap(case, "symbol cap", "cap_symbol", symbol_cap(asset, groups), asset.worst)
    if case.proposal.bot_room != float("inf"):
        yield _pot("share of the bot", "cap_bot", case.proposal.bot_room, asset.lot_value)
    yield _pot("buying power", "buying_power", account.power, asset.lot_cost)


def _cap(
    case: "Case", name: str, reason: str, cap: float, used: float, times: float = 1.0
) -> Bound:
    from smart_leverage.policy.caps import headroom, lots_within

    equity, lot_value = case.account.equity, case.asset.lot_value * times
    room = headroom(cap, equity, used)
    return Bound(name, reason, cap, cap * equity, used, room, lots_within(room, lot_value))


def _pot(name: str, reason: str, room: float, lot: float) -> Bound:
    from smart_leverage.policy.caps import lots_within

    return Bound(name, reason, None, room, 0.0, room, lots_within(room, lot))


# -- the screen -----------------------------------------------------------------------------------

_COLUMNS = (
    Column("bound"),
    Column("of equity", is_number=True),
    Column("limit", is_number=True),
    Column("used", is_number=True),
    Column("room", is_number=True),
    Column("lots", is_number=True),
    Column(""),
)


def _show(screen: Screen, case: "Case", policy: "Policy", answer: "Decision") -> None:
    asked, asset = case.proposal.lots, case.asset
    side = "buy" if case.proposal.is_buy else "sell"
    reason = answer.reason.name.lower()
    whole = "as the policy sizes it" if side == "buy" else "all there is"
    what = f"{asked:,} lots, {_money(asked * asset.lot_value)}" if asked else whole
    screen.say(
        f"{side} {what}  →  {_verdict(case, answer)}: {answer.lots:,} lots, "
        f"{_money(answer.lots * asset.lot_value)}   [{reason}]",
        _sentence(case, answer),
        "",
    )
    bounds = list(_bounds(case, policy))
    if bounds:
        equity = _money(case.account.equity)
        tier = case.account.tier.name
        screen.say(
            f"equity {equity}, tier {tier}, a lot adds {_money(asset.lot_value, 5)}"
            f"{_looked_through(case, policy)}"
        )
        screen.table(_COLUMNS, (_row(bound, reason) for bound in bounds))
        screen.say("", f"the policy's own size: {_money(answer.size)}")
    else:
        free = max(asset.lots_held - asset.lots_selling, 0)
        screen.say(
            f"free to sell: {free:,} lots = {asset.lots_held:,} held "
            f"− {asset.lots_selling:,} being sold"
        )
    if case.assumed:
        told = ", ".join(f"{key} {_told(value)}" for key, value in case.assumed.items())
        screen.say("", f"assumed: {told}")


def _looked_through(case: "Case", policy: "Policy") -> str:
    """Return how often a lot counts under the caps that look through funds, empty for once."""
    from smart_leverage.policy.decide import weight_in

    times = weight_in(case.asset, policy)
    return "" if times == 1.0 else f", {times:g} times as crypto and leveraged"


def _row(bound: Bound, reason: str) -> list[str]:
    from smart_leverage.domain.sentences import percent

    return [
        bound.name,
        "" if bound.cap is None else percent(bound.cap),
        _money(bound.limit),
        _money(bound.used),
        _money(bound.room),
        f"{bound.lots:,}",
        "← first" if bound.reason == reason else "",
    ]


def _money(value: float, places: int = 2) -> str:
    import math
    from decimal import Decimal

    from smart_leverage.domain.sentences import money

    if not math.isfinite(value):
        return "not known"
    text = money(Decimal(repr(value)), places)
    return text.rstrip("0").rstrip(".") if places > 2 else text


def _told(value: Any) -> str:
    if value is None:
        return "without bound"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
