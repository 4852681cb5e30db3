"""What was configured: one record per section, every key with its unit, nothing unknown."""

import difflib
import hashlib
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from smart_leverage.domain.errors import ConfigError

ENV_PREFIX = "SMART_LEVERAGE_"
PRESETS = ("classic",)

Fraction = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Section(BaseModel):
    """Base of all sections: frozen, and a key that nobody reads is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class AccountSection(Section):
    """Which account, and whether its money is real."""

    name: str = Field(
        default="demo", min_length=1, max_length=64, description="Name in ledger and reports"
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

    @model_validator(mode="after")
    def _ordered(self) -> "TierSection":
        if self.crypto_cap > self.total_cap:
            raise ValueError(
                f"crypto_cap {self.crypto_cap} is above total_cap {self.total_cap}; "
                "crypto counts in both"
            )
        return self


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

    @model_validator(mode="after")
    def _rising(self) -> "TiersSection":
        if self.win_rate_stable >= self.win_rate_profitable:
            raise ValueError("win_rate_stable must be below win_rate_profitable")
        steps = (self.emergency, self.learning, self.stable, self.profitable)
        for lower, higher in pairwise(steps):
            if lower.crypto_cap > higher.crypto_cap or lower.total_cap > higher.total_cap:
                raise ValueError("a better tier must not have a lower cap than a worse one")
        return self


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

    @model_validator(mode="after")
    def _nested(self) -> "LimitsSection":
        if self.loss_limit_daily > self.loss_limit_monthly:
            raise ValueError("loss_limit_daily is above loss_limit_monthly")
        if self.symbol_cap > self.gross_cap:
            raise ValueError("symbol_cap is above gross_cap")
        return self


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
    band_over: Annotated[float, Field(ge=1.0, le=1.5)] = Field(
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


class Loaded(BaseModel):
    """Settings with the place that each key came from."""

    model_config = ConfigDict(frozen=True)
    settings: Settings
    origin: dict[str, str]


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Read defaults, preset, file and environment, in that order.

    Raises:
        ConfigError: Everything that is wrong, at once, each with what would be accepted.
    """
    tree: dict[str, Any] = {}
    origin = {key: "default" for key, _ in flat(Settings().model_dump())}
    problems: list[str] = []
    given = _read(path) if path is not None else {}
    preset = str(given.get("policy", {}).get("preset", "classic")) if given else "classic"
    if preset in PRESETS:
        _merge(tree, _preset(preset), origin, f"preset {preset}")
    _merge(tree, given, origin, str(path))
    variables = os.environ if environment is None else environment
    _merge(tree, _from_environment(variables, problems), origin, "environment")
    problems = [*_wrong_units(tree), *problems]
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        told = {problem.split(":")[0] for problem in problems}
        sentences = [_sentence(dict(one)) for one in error.errors()]
        problems += [one for one in sentences if one.split(":")[0] not in told]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), source=str(path or "configuration"))
    return Loaded(settings=settings, origin=origin)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([f"{path} does not exist"], source=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"cannot be read as UTF-8 text: {error}"], source=str(path)) from None
    if text.startswith("\ufeff"):
        raise ConfigError(["starts with a byte-order mark; save it as plain UTF-8"], str(path))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"is not TOML: {error}"], source=str(path)) from None


def _preset(name: str) -> dict[str, Any]:
    text = files("smart_leverage").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _merge(
    tree: dict[str, Any], given: Mapping[str, Any], origin: dict[str, str], source: str
) -> None:
    """Lay one source over another, key by key, and note where each value came from."""
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key, {}), dict):
            _merge_section(tree.setdefault(key, {}), value)
        else:
            tree[key] = value
    origin.update({key: source for key, _ in flat(given)})


def _merge_section(section: dict[str, Any], given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if isinstance(value, Mapping):
            _merge_section(section.setdefault(key, {}), value)
        else:
            section[key] = value


def _from_environment(variables: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """Return what the environment sets; our prefix on a name that means nothing is an error."""
    tree: dict[str, Any] = {}
    for name in sorted(variables):
        if not name.startswith(ENV_PREFIX):
            continue
        parts = name.removeprefix(ENV_PREFIX).lower().split("__")
        if parts[0] not in Settings.model_fields:
            known = ", ".join(difflib.get_close_matches(parts[0], Settings.model_fields, n=1))
            hint = f", did you mean {known}?" if known else ""
            problems.append(f"environment {name}: no section {parts[0]!r}{hint}")
            continue
        section = tree
        for part in parts[:-1]:
            section = section.setdefault(part, {})
        section[parts[-1]] = _number_or_text(variables[name])
    return tree


def _number_or_text(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _wrong_units(tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield what looks like per cent where a fraction belongs, with both readings."""
    for key, value in flat(tree):
        field = _field(key)
        if field is None:
            continue
        if isinstance(value, str) and value.rstrip().endswith("%"):
            number = value.rstrip().rstrip("%").strip()
            right = _as_fraction(number)
            yield (
                f"{key}: {value!r} is not a number; write {right}"
                if right
                else (f"{key}: {value!r} is not a number")
            )
        elif isinstance(value, float | int) and _is_fraction(field) and value > 1:
            yield f"{key}: {value} is above 1; fractions, not per cent: {value / 100:g}?"


def _as_fraction(number: str) -> str:
    try:
        value = float(number)
    except ValueError:
        return ""
    return f"{value / 100:g}" if math.isfinite(value) else ""


def _field(key: str) -> FieldInfo | None:
    """Return the declaration of a dotted key, None when there is none."""
    model: type[BaseModel] = Settings
    *sections, last = key.split(".")
    for name in sections:
        field = model.model_fields.get(name)
        if field is None or not isinstance(field.annotation, type):
            return None
        if not issubclass(field.annotation, BaseModel):
            return None
        model = field.annotation
    return model.model_fields.get(last)


def _is_fraction(field: FieldInfo) -> bool:
    return any(getattr(rule, "le", None) == 1.0 for rule in field.metadata)


def _sentence(error: dict[str, Any]) -> str:
    """Return one problem as key, value and what would be accepted."""
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key{_nearest(error['loc'])}"
    if error["type"] == "value_error":
        return f"{key}: {error['msg'].removeprefix('Value error, ')}"
    return f"{key}: {error['input']!r} is not accepted; {error['msg'][0].lower()}{error['msg'][1:]}"


def _nearest(location: tuple[Any, ...]) -> str:
    model: type[BaseModel] = Settings
    for name in location[:-1]:
        annotation = model.model_fields[str(name)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ""
        model = annotation
    near = difflib.get_close_matches(str(location[-1]), model.model_fields, n=1, cutoff=0.3)
    return f", did you mean {near[0]}?" if near else ""
