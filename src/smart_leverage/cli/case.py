"""Reads a case for `limits eval`: account, asset and proposal from JSON, every field checked."""

import difflib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from smart_leverage.cli.fields import POLICY, SECTIONS, Field, Kind
from smart_leverage.domain.errors import BadData
from smart_leverage.policy.breakers import BreakerState
from smart_leverage.policy.decide import Account, Asset, Proposal
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.tier import Tier

LOTS_MAX = 2**53


class Case(NamedTuple):
    """What `decide` is asked, the overrides of the policy, and what was assumed."""

    account: Account
    asset: Asset
    proposal: Proposal
    overrides: dict[str, Any]
    assumed: dict[str, Any]


def read_case(text: str, file: str, check_policy: Callable[[Mapping[str, Any]], list[str]]) -> Case:
    """Return the case that a JSON text holds.

    Args:
        text: What the file holds.
        file: Its name, for the error.
        check_policy: Returns what is wrong with the overrides of the policy.

    Raises:
        BadData: Everything that is wrong, at once, each with what would be accepted.
    """
    problems: list[str] = []
    tree = _parse(text, file)
    known = [*SECTIONS, POLICY]
    problems += [f"{key}: unknown key{_near(key, known)}" for key in tree if key not in known]
    values: dict[str, dict[str, Any]] = {}
    assumed: dict[str, Any] = {}
    for section, fields in SECTIONS.items():
        values[section] = dict(_section(tree, section, fields, problems, assumed))
    overrides = tree.get(POLICY, {})
    if isinstance(overrides, dict):
        problems += check_policy(overrides)
    else:
        problems.append(f"{POLICY}: an object of sections is expected, as in the configuration")
    if not problems:
        is_looked_through = _is_looked_through(overrides)
        problems += _contradictions(values, is_looked_through=is_looked_through)
    if problems:
        raise refusal(problems, file)
    return _case(values, overrides, assumed)


def refusal(problems: list[str], file: str) -> BadData:
    """Return the error that lists every problem."""
    lines = "".join(f"\n  {problem}" for problem in problems)
    count = f"{len(problems)} problem" + ("" if len(problems) == 1 else "s")
    return BadData(
        f"{count}{lines}\n`smart-leverage limits eval --example` prints a case", file=file
    )


def _parse(text: str, file: str) -> dict[str, Any]:
    if not text.strip():
        raise refusal(["the file is empty; a JSON object is expected"], file)
    try:
        tree = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise refusal([f"is not JSON: {error}"], file) from None
    except (ValueError, RecursionError) as error:
        raise refusal([str(error)], file) from None
    if not isinstance(tree, dict):
        raise refusal([f"an object is expected, not {_shown(tree)}"], file)
    return tree


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        twice = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"{twice}: stands twice in one object; once is enough")
    return tree


def _constant(word: str) -> float:
    raise ValueError(f"{word} is not a number; write null for what is not known")


def _near(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f", did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"


# -- fields ---------------------------------------------------------------------------------------


def _section(
    tree: Mapping[str, Any],
    section: str,
    fields: Mapping[str, Field],
    problems: list[str],
    assumed: dict[str, Any],
) -> Iterator[tuple[str, Any]]:
    given = tree.get(section, {})
    if not isinstance(given, dict):
        problems.append(f"{section}: an object is expected, not {_shown(given)}")
        return
    unknown = [key for key in given if key not in fields]
    problems += [f"{section}.{key}: unknown key{_near(key, list(fields))}" for key in unknown]
    for name, field in fields.items():
        place = f"{section}.{name}"
        if name in given:
            value = given[name]
            problem = _problem(field.kind, value)
            if problem:
                problems.append(f"{place}: {problem}")
            yield name, value
        elif field.is_required:
            problems.append(f"{place}: is missing; {field.meaning}: {field.kind.value}")
        else:
            assumed[place] = None if field.default is math.inf else field.default
            yield name, field.default


def _problem(kind: Kind, value: Any) -> str:
    """Return what is wrong with a value, or an empty text."""
    if kind is Kind.FLAG:
        return "" if isinstance(value, bool) else f"{_shown(value)} is not {kind.value}"
    if kind in (Kind.STATE, Kind.TIER, Kind.SIDE):
        words = kind.value.removeprefix("one of ").replace(" or ", ", ").split(", ")
        is_known = isinstance(value, str) and value in words
        return "" if is_known else f"{_shown(value)} is not {kind.value}"
    if value is None:
        return "" if kind is not Kind.LOTS else f"null is not {kind.value}"
    return _number_problem(kind, value)


def _number_problem(kind: Kind, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _not_a_number(kind, value)
    if not math.isfinite(value):
        return f"{value} is too large for a number; {kind.value}"
    if value < 0 and kind is not Kind.FACTOR:
        return f"{value} is below 0; {kind.value}"
    if kind is Kind.LOTS and (isinstance(value, float) or value >= LOTS_MAX):
        return f"{value} is not a number of whole lots below 2^53"
    if kind is Kind.FRACTION and value > 1:
        return f"{value} is above 1; fractions, not per cent: {value / 100:g}?"
    if kind is Kind.RATIO and value == 0:
        return f"0 is not {kind.value}"
    return ""


def _not_a_number(kind: Kind, value: Any) -> str:
    if isinstance(value, str):
        text = value.strip()
        is_per_cent = text.endswith("%")
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            right = f"{number / 100:g}" if is_per_cent else f"{text}"
            return f"{_shown(value)} is text; write {right} without quotes"
    return f"{_shown(value)} is not {kind.value}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _is_looked_through(overrides: Mapping[str, Any]) -> bool:
    from smart_leverage.cli.overrides import settings_with

    return settings_with(overrides).exposure.look_through == "on"


def _contradictions(
    values: Mapping[str, Mapping[str, Any]], *, is_looked_through: bool
) -> Iterator[str]:
    account, asset = values["account"], values["asset"]
    groups = ["crypto_worst", "leveraged_worst", "gross_worst"]
    if is_looked_through:  # what counts with its multiple may come to more than all at once
        groups.remove("gross_worst")
    for inner, outer in pairwise(groups):
        if _is_below(account[outer], account[inner]):
            yield (
                f"account.{outer}: {account[outer]} is below {inner} {account[inner]}, "
                "which it contains"
            )
    if _is_below(account["gross_worst"], asset["worst"]):
        yield (
            f"asset.worst: {asset['worst']} is above account.gross_worst "
            f"{account['gross_worst']}, which contains it"
        )
    if asset["is_crypto"] and not asset["is_leveraged"]:
        yield "asset.is_leveraged: crypto counts as leveraged; write true"
    if asset["lots_step"] == 0:
        yield "asset.lots_step: 0 is not a step; 1 or more"


def _is_below(outer: float | None, inner: float | None) -> bool:
    return outer is not None and inner is not None and outer < inner


# -- what the policy takes ------------------------------------------------------------------------


def _case(
    values: Mapping[str, Mapping[str, Any]], overrides: dict[str, Any], assumed: dict[str, Any]
) -> Case:
    account, asset, proposal = values["account"], values["asset"], values["proposal"]
    cost = asset["lot_value"] if asset["lot_cost"] == "lot_value" else asset["lot_cost"]
    room = proposal["bot_room"]
    return Case(
        account=Account(
            state=TradingState[account["state"].upper()],
            breakers=BreakerState(
                is_day_tripped=account["is_day_tripped"],
                is_month_tripped=account["is_month_tripped"],
                is_emergency=account["tier"] == "emergency",
            ),
            tier=Tier[account["tier"].upper()],
            equity=_float(account["equity"]),
            crypto_worst=_float(account["crypto_worst"]),
            leveraged_worst=_float(account["leveraged_worst"]),
            gross_worst=_float(account["gross_worst"]),
            power=_float(account["power"]),
        ),
        asset=Asset(
            lot_value=_float(asset["lot_value"]),
            lot_cost=_float(cost),
            **{
                name: asset[name]
                for name in Asset._fields
                if name.startswith(("is_", "lots_")) and name in asset
            },
            worst=_float(asset["worst"]),
            factor=_float(asset["factor"]),
        ),
        proposal=Proposal(
            is_buy=proposal["side"] == "buy",
            lots=proposal["lots"],
            confidence=_float(proposal["confidence"]),
            volatility_ratio=_float(proposal["volatility_ratio"]),
            bot_room=math.inf if room is None else _float(room),
        ),
        overrides=overrides,
        assumed=assumed,
    )


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)
