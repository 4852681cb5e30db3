"""What was configured: one record per section, every key with its unit, nothing unknown."""

import difflib
import hashlib
import operator
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.risk_days import RiskCalendar

ENV_PREFIX = "SMART_LEVERAGE_"
PRESETS = ("classic",)
SHOWN_MAX = 64
"""Characters of a wrong value that an error repeats."""

Fraction = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Section(BaseModel):
    """Base of all sections: frozen; a key that nobody reads is an error, and so is a wrong type.

    Strict, because a lenient reading takes `true` for the number 1 and text for a number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class AccountSection(Section):
    """Which account, and whether its money is real."""

    name: str = Field(
        default="main", min_length=1, max_length=64, description="Name in ledger and reports"
    )
    mode: Literal["sim"] = Field(
        default="sim", description="sim; paper and live come with the real broker"
    )
    cash: Positive = Field(
        default=100_000.0, description="Opening cash of a simulated account, dollars"
    )


class TierSection(Section):
    """The caps of one tier."""

    crypto_cap: Fraction = Field(description="Most crypto exposure, fraction of equity")
    total_cap: Fraction = Field(description="Most crypto and leveraged exposure together")


class TiersSection(Section):
    """What a tier needs and what it may hold."""

    month_return_emergency: Annotated[float, Field(lt=0.0, gt=-1.0, allow_inf_nan=False)] = Field(
        default=-0.05, description="Month return below which it is an emergency, fraction"
    )
    win_rate_stable: Fraction = Field(default=0.45, description="Win rate from which on stable")
    win_rate_profitable: Fraction = Field(
        default=0.60, description="Win rate from which on profitable"
    )
    trades_min: Count = Field(default=20, description="Closed trades that make a record")
    ceiling: Literal["emergency", "learning", "stable", "profitable"] = Field(
        default="profitable", description="Highest tier granted without a person"
    )
    emergency: TierSection = TierSection(crypto_cap=0.20, total_cap=0.28)
    learning: TierSection = TierSection(crypto_cap=0.25, total_cap=0.35)
    stable: TierSection = TierSection(crypto_cap=0.40, total_cap=0.60)
    profitable: TierSection = TierSection(crypto_cap=0.60, total_cap=0.80)


class SizingSection(Section):
    """How large a position is wanted."""

    base_share: Fraction = Field(default=0.05, description="Of equity times cap")
    share_max: Fraction = Field(default=0.10, description="Of equity times cap, at most")
    confidence_scale: Positive = Field(default=1.5, description="Multiplies the confidence")
    adjustment_min: Positive = Field(default=0.5, description="Smallest volatility adjustment")
    adjustment_max: Positive = Field(default=1.5, description="Largest volatility adjustment")
    top_up_min: Fraction = Field(
        default=0.25, description="Shortfall below which a position is left alone"
    )


class LimitsSection(Section):
    """Losses are positive fractions of the period's opening equity."""

    loss_limit_daily: Fraction = Field(default=0.03, description="Of the account, a day")
    loss_limit_daily_asset: Fraction = Field(default=0.02, description="Of one crypto asset, a day")
    loss_limit_monthly: Fraction = Field(default=0.08, description="Of the account, a month")
    gross_cap: Annotated[float, Field(gt=0.0, le=4.0, allow_inf_nan=False)] = Field(
        default=1.0, description="All positions, fraction of equity"
    )
    symbol_cap: Fraction = Field(default=0.10, description="One symbol, fraction of equity")
    symbol_cap_broad: Fraction = Field(
        default=0.50, description="One broad fund, fraction of equity"
    )


class DeleveragingSection(Section):
    """How an account that is over its cap comes back."""

    first_ceiling: Fraction = Field(
        default=0.40, description="Sold down to at once, fraction of equity"
    )
    first_minutes: Positive = Field(default=30.0, description="Deadline of the first ceiling")
    last_minutes: Positive = Field(default=120.0, description="Deadline of the tier's cap")
    pace_minutes: Positive = Field(default=60.0, description="Slices are spread over this long")
    slices: Annotated[int, Field(ge=1, le=100)] = Field(default=4, description="Number of slices")
    slice_at_once: Fraction = Field(default=0.05, description="Excess that goes in one slice")
    band_over: Annotated[float, Field(ge=1.0, le=1.5, allow_inf_nan=False)] = Field(
        default=1.05, description="Selling begins beyond cap times this"
    )
    band_to: Fraction = Field(default=0.98, description="Selling ends at cap times this")


class StopsSection(Section):
    """Where protective stops stand."""

    volatility_multiple: Positive = Field(default=3.0, description="Distance in daily volatilities")
    distance_min: Fraction = Field(default=0.04, description="Nearest, fraction of the entry price")
    distance_max: Fraction = Field(
        default=0.15, description="Farthest, fraction of the entry price"
    )
    limit_gap: Fraction = Field(default=0.02, description="Limit of a stop-limit below its stop")


class ExecutionSection(Section):
    """How orders are sent and priced."""

    collar: Fraction = Field(default=0.005, description="Limit of a buy above the price, fraction")
    cost_rate: Fraction = Field(
        default=0.003, description="Fees reserved per dollar bought, fraction"
    )
    entry_life_s: Positive = Field(
        default=300.0, description="A coin buy that rests longer is cancelled"
    )
    price_age_max_s: Positive = Field(
        default=60.0, description="An older price carries no increase"
    )
    mark_every_s: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = Field(
        default=60.0, description="How often the valuation is journalled; 0 is at every price"
    )


class RiskSection(Section):
    """Which clock makes the risk day."""

    timezone: str = Field(
        default="America/New_York", description="Day and month begin at its midnight"
    )

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        """Refuse what the calendar of the risk day would refuse at the start, with its sentence."""
        try:
            RiskCalendar(name)
        except ConfigError as error:
            raise ValueError(error.problems[0].removeprefix("risk_timezone = ")) from None
        return name


class PolicySection(Section):
    """Which numbers the policy starts from."""

    preset: Literal["classic"] = Field(default="classic", description="Ships with the package")


class Settings(Section):
    """Everything that can be configured."""

    account: AccountSection = AccountSection()
    policy: PolicySection = PolicySection()
    tiers: TiersSection = TiersSection()
    sizing: SizingSection = SizingSection()
    limits: LimitsSection = LimitsSection()
    deleveraging: DeleveragingSection = DeleveragingSection()
    stops: StopsSection = StopsSection()
    execution: ExecutionSection = ExecutionSection()
    risk: RiskSection = RiskSection()

    @model_validator(mode="after")
    def _agrees(self) -> "Settings":
        if told := "; ".join(contradictions(dict(flat(self.model_dump())))):
            raise ValueError(told)
        return self

    def policy_text(self) -> str:
        """Return the numbers in force, one `key = value` a line, sorted: what the ledger keeps."""
        return "\n".join(f"{key} = {value!r}" for key, value in sorted(flat(self.model_dump())))

    def policy_hash(self) -> str:
        """Return the fingerprint of the numbers in force."""
        return hashlib.sha256(self.policy_text().encode()).hexdigest()[:16]


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values of a nested mapping."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


_TIERS = ("emergency", "learning", "stable", "profitable")

ORDERED: tuple[tuple[str, str], ...] = (
    *((f"tiers.{tier}.crypto_cap", f"tiers.{tier}.total_cap") for tier in _TIERS),
    *(
        (f"tiers.{worse}.{cap}", f"tiers.{better}.{cap}")
        for worse, better in pairwise(_TIERS)
        for cap in ("crypto_cap", "total_cap")
    ),
    ("sizing.base_share", "sizing.share_max"),
    ("sizing.adjustment_min", "sizing.adjustment_max"),
    ("limits.loss_limit_daily", "limits.loss_limit_monthly"),
    ("limits.symbol_cap", "limits.gross_cap"),
    ("deleveraging.first_minutes", "deleveraging.last_minutes"),
    ("deleveraging.pace_minutes", "deleveraging.last_minutes"),
    ("stops.distance_min", "stops.distance_max"),
)
"""Pairs of keys of which the first is never above the second."""

BELOW: tuple[tuple[str, str], ...] = (("tiers.win_rate_stable", "tiers.win_rate_profitable"),)
"""Pairs of which the first is never equal either: a tier between them could not be earned."""


def contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for every key whose value is beyond one that bounds it.

    Args:
        values: By dotted key; a pair of which one is missing is not judged.
    """
    for pair in (*ORDERED, *BELOW):
        if not values.keys() >= set(pair):
            continue
        (lower, upper), (value, bound) = pair, (values[key] for key in pair)
        section, _, name = lower.rpartition(".")
        other = upper.removeprefix(f"{section}.")
        if value > bound and pair in ORDERED:
            yield f"{lower}: {name} {value} is above {other} {bound}; at most that"
        elif value >= bound and pair in BELOW:
            yield f"{lower}: {name} {value} is not below {other} {bound}; less than that"


class Loaded(BaseModel):
    """Settings with the place that each key came from."""

    model_config = ConfigDict(frozen=True)
    settings: Settings
    origin: dict[str, str]


# -- reading --------------------------------------------------------------------------------------


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Read defaults, preset, file and environment, in that order.

    Args:
        path: A file in TOML; None reads none.
        environment: Variables; None reads those of the process.

    Raises:
        ConfigError: Everything that is wrong, at once, each with what would be accepted.
    """
    problems: list[str] = []
    given = {} if path is None else _read(path)
    variables = dict(_from_environment(os.environ if environment is None else environment))
    preset = _preset_of(variables) or _preset_of(given) or PRESETS[0]
    tree = Settings().model_dump()
    origin = {key: "default" for key, _ in flat(tree)}
    for source, values in (
        (f"preset {preset}", _preset(preset)),
        (str(path), given),
        ("environment", _as_tree(variables, problems)),
    ):
        problems += _merge(tree, values)
        origin.update({key: source for key, _ in flat(values)})
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems += _sentences(tree, error, {each.split(":")[0] for each in problems})
    if problems:
        if path is not None:
            problems = [_with_variable(each, variables) for each in problems]
        raise ConfigError(list(dict.fromkeys(problems)), source=str(path or "environment"))
    return Loaded(settings=settings, origin=origin)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([f"{path} does not exist"], source=str(path)) from None
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], source=str(path)) from None
    except UnicodeDecodeError as error:
        fault = f"is not UTF-8 text: {error.reason} at byte {error.start}; save it as plain UTF-8"
        raise ConfigError([fault], source=str(path)) from None
    if text.startswith("\ufeff"):
        raise ConfigError(["starts with a byte-order mark; save it as plain UTF-8"], str(path))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"is not TOML: {error}"], source=str(path)) from None
    except RecursionError:
        raise ConfigError(["is not TOML: nested too deeply"], source=str(path)) from None


def _preset_of(given: Mapping[str, Any]) -> str | None:
    """Return the preset that a source names; an unknown one is told by the validation."""
    values = dict(flat(given))
    name = values.get("policy.preset")
    return name if name in PRESETS else None


def _preset(name: str) -> dict[str, Any]:
    text = files("smart_leverage").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _merge(tree: dict[str, Any], given: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Lay one source over another, key by key, and yield where a table meets a value."""
    for key, value in given.items():
        below = tree.get(key)
        if isinstance(value, Mapping) and isinstance(below, dict):
            yield from _merge(below, value, f"{prefix}{key}.")
        elif isinstance(below, dict):
            yield f"{prefix}{key}: {_shown(value)} is not accepted; a table, [{prefix}{key}]"
        elif isinstance(value, Mapping) and below is not None:
            accepted = _accepted(_field(f"{prefix}{key}"))
            yield f"{prefix}{key}: a table is not accepted; {accepted}"
        else:
            tree[key] = value


def _from_environment(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield dotted keys and texts of the variables that bear our prefix."""
    for name in sorted(variables):
        if name.startswith(ENV_PREFIX):
            key = name.removeprefix(ENV_PREFIX).lower().replace("__", ".")
            yield key, variables[name]


def _variable(key: str) -> str:
    return ENV_PREFIX + key.upper().replace(".", "__")


def _as_tree(variables: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """Return what the environment sets; our prefix on a name that means nothing is an error."""
    tree: dict[str, Any] = {}
    for key, text in variables.items():
        section = key.split(".")[0]
        field = _field(key)
        if section not in Settings.model_fields:
            hint = _near(section, Settings.model_fields)
            problems.append(f"environment {_variable(key)}: no section {section!r}{hint}")
        elif field is None:
            problems.append(_unknown(key))
        elif _model(field) is not None:
            problems.append(f"environment {_variable(key)}: {key} is a section; name a key of it")
        else:
            below = tree
            *sections, last = key.split(".")
            for each in sections:
                below = below.setdefault(each, {})
            below[last] = _number(text) if field.annotation in (int, float) else text
    return tree


def _number(text: str) -> float | int | str:
    """Return the number that a text is, or the text, which the validation will refuse."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


# -- telling --------------------------------------------------------------------------------------


def _sentences(tree: Mapping[str, Any], error: ValidationError, told: set[str]) -> Iterator[str]:
    """Yield every problem; keys that are sound by themselves are compared with each other."""
    values = {key: value for key, value in flat(tree) if key not in told}
    for one in error.errors():
        key = ".".join(str(part) for part in one["loc"])
        if not key:
            continue  # the contradictions, told below
        values.pop(key, None)
        if one["type"] == "extra_forbidden":
            yield _unknown(key)
        elif one["type"] == "value_error":
            yield f"{key}: {one['msg'].removeprefix('Value error, ')}"
        else:
            yield f"{key}: {_refused(_field(key), one['input'])}"
    yield from contradictions(values)


def _with_variable(problem: str, variables: Mapping[str, str]) -> str:
    """Return a problem with the variable that caused it, so that nobody looks for it in a file."""
    key = problem.split(":")[0]
    return f"{problem} ({_variable(key)})" if key in variables else problem


def _refused(field: FieldInfo | None, value: Any) -> str:
    """Return why a value is not accepted, and what is; per cent are read as the fraction meant."""
    shown = _shown(value)
    bounds = {} if field is None else _bounds(field)
    if "le" in bounds or "lt" in bounds:  # what is bounded above is a ratio
        if isinstance(value, str) and value.rstrip().endswith("%"):
            meant = _per_cent(_number(value.rstrip().removesuffix("%").strip()), bounds)
            if meant:
                return f"{shown} is not a number; write {meant}"
        elif type(value) in (int, float) and (meant := _per_cent(value, bounds)):
            side = f"above {bounds['le']:g}" if value > 0 else f"below {bounds['gt']:g}"
            return f"{shown} is {side}; fractions, not per cent: {meant}?"
    return f"{shown} is not accepted; {_accepted(field)}"


def _per_cent(number: float | str, bounds: Mapping[str, float]) -> str:
    """Return a percentage as a fraction, if that would be accepted, or an empty text."""
    if isinstance(number, str):
        return ""
    value = number / 100
    return f"{value:g}" if all(_INSIDE[name](value, at) for name, at in bounds.items()) else ""


_INSIDE: Mapping[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_WORDS = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}


def _bounds(field: FieldInfo) -> dict[str, float]:
    return {
        name: getattr(each, name)
        for each in field.metadata
        for name in _INSIDE
        if hasattr(each, name)
    }


def _accepted(field: FieldInfo | None) -> str:
    """Return what a key takes, in words."""
    if field is None:
        return "no such key is known"
    if field.annotation in (int, float):
        bounds = " and ".join(f"{_WORDS[name]} {at:,.12g}" for name, at in _bounds(field).items())
        return f"a{' whole' if field.annotation is int else ''} number {bounds}"
    if choices := get_args(field.annotation):
        return f"{' or '.join(repr(choice) for choice in choices)}"
    lengths = [
        getattr(each, name)
        for name in ("min_length", "max_length")
        for each in field.metadata
        if hasattr(each, name)
    ]
    return f"text of {lengths[0]} to {lengths[1]} characters" if lengths else "text"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _unknown(key: str) -> str:
    """Return the problem of a key that nobody reads, with the nearest that somebody does."""
    model: type[BaseModel] = Settings
    unknown = key
    for unknown in key.split("."):
        field = model.model_fields.get(unknown)
        if field is None:
            break
        model = _model(field) or model
    kind = "section" if model is Settings else "key"
    return f"{key}: unknown {kind}{_near(unknown, model.model_fields)}"


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.45)
    return f", did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


def _field(key: str) -> FieldInfo | None:
    """Return the declaration of a dotted key, None when there is none."""
    model: type[BaseModel] = Settings
    *sections, last = key.split(".")
    for name in sections:
        field = model.model_fields.get(name)
        section = None if field is None else _model(field)
        if section is None:
            return None
        model = section
    return model.model_fields.get(last)


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a field is, None for a plain value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
