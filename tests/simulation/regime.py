"""Under which settings an account of a world is governed, and what evidence it is brought.

A seed draws `classic`, `steady`, or any combination of the switches of `steady` with other numbers,
tight enough for a few days to reach them.
"""

from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

import msgspec
from tests.presets import settings_of

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.evidence import SLEEVES, Calibration, Measured, SleeveFigures
from smart_leverage.engine.config import EngineConfig
from smart_leverage.settings import Settings
from smart_leverage.wiring import engine_config

SWITCHES = (
    *("exposure.drawdown_cap", "exposure.tail_cap", "exposure.kelly_cap"),
    *("exposure.volatility_cap", "record.earned", "breakers.rolling", "edge.sized"),
    "exposure.look_through",
)
ON = dict.fromkeys(SWITCHES, "on")
LOOSEN_AFTER_H = 1
"""A world lasts some days, and what is loosened has to come into force in them."""

STEADY_LIMITS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(SWITCHES, ("on", "on", "off")),
    "exposure.drawdown_floor": ("0.8", "0.9", "0.95"),
    "exposure.drawdown_multiple": ("2.0", "4.0", "6.0"),
    "exposure.peak_days": ("1", "2", "365"),
    "exposure.kelly_least": ("0.02", "0.1"),
    "exposure.shortfall_max": ("0.005", "0.015", "0.03"),
    "record.promote_probability": ("0.55", "0.7", "0.9"),
    "breakers.drawdown_limit": ("0.03", "0.08", "0.15"),
    "breakers.loss_limit_sleeve": ("0.005", "0.02"),
}
"""What an operator sets of them, tighter and looser."""


class Regime(NamedTuple):
    """The settings of a world by dotted key, beside those of its preset."""

    preset: str = "classic"
    changes: tuple[tuple[str, Any], ...] = ()

    @property
    def is_classic(self) -> bool:
        return self.preset == "classic" and not self.changes

    def settings(self) -> Settings:
        """Return all of them, judged as a file would be."""
        tree: dict[str, Any] = settings_of(self.preset).model_dump()
        for name, value in self.changes:
            section, key = name.split(".")
            tree[section][key] = value
        tree["risk"]["loosen_after_hours"] = LOOSEN_AFTER_H
        # The bots of a world buy anything at any time: caps are to hold without this bound as well.
        tree["execution"]["order_times_max"] = 1e6
        return Settings.model_validate(tree)

    def config(self) -> EngineConfig:
        """Return what a process of the account is told."""
        return engine_config(self.settings())


CLASSIC = Regime()
STEADY = Regime("steady")

EAGER = Regime(
    changes=tuple(
        {
            **ON,
            "exposure.drawdown_multiple": 2.0,
            "exposure.drawdown_floor": 0.85,
            "exposure.rise_min": 0.02,
            "exposure.steps": 400.0,
            "record.promote_probability": 0.5,
            "record.demote_probability": 0.3,
            "record.trades_min_1": 1,
            "record.trades_min_2": 2,
            "record.prior_trades": 0.5,
            "record.offset": 0.01,
            "limits.loss_limit_daily": 0.01,
            "limits.loss_limit_monthly": 0.05,
            "breakers.drawdown_limit": 0.03,
            "breakers.loss_limit_sleeve": 0.005,
        }.items()
    )
)
"""Everything is on, with numbers that a day or two reach."""

CALM = Regime(
    changes=tuple(
        {
            **dict(EAGER.changes),
            "limits.loss_limit_daily": 0.5,
            "limits.loss_limit_monthly": 0.5,
            "breakers.drawdown_limit": 0.5,
            "breakers.loss_limit_sleeve": 0.5,
            "tiers.month_return_emergency": -0.5,
        }.items()
    )
)
"""The same, but hardly anything trips: tiers and caps go up and down."""

MONTHLY = Regime(
    changes=tuple(
        {
            **dict(CALM.changes),
            "limits.loss_limit_daily": 0.02,
            "limits.loss_limit_monthly": 0.02,
        }.items()
    )
)
"""The same, but a month that loses two percent trips."""

NARROW = Regime(
    changes=tuple(
        {
            **dict(CALM.changes),
            "limits.loss_limit_daily": 0.004,
        }.items()
    )
)
"""The same, but a day that loses half a percent trips."""

SHALLOW = Regime(
    changes=tuple(
        {
            **dict(CALM.changes),
            "breakers.drawdown_limit": 0.003,
        }.items()
    )
)
"""The same, but a little below its best mark the account is halted."""

ON_EDGE = Regime(
    changes=tuple(
        {
            **dict(CALM.changes),
            "record.demote_probability": 0.5,
            "record.prior_trades": 0.1,
            "record.discount": 0.9,
        }.items()
    )
)
"""The same, and a single loss may cost a tier."""


LOOKING = Regime(changes=(("exposure.look_through", "on"),))
"""As `classic`, but funds count with their multiple."""


def regime_of(seed: int) -> Regime:
    """Draw the settings of a world."""
    chance = Random(f"{seed}/regime")
    kind = chance.random()
    if kind < 0.3:
        return CLASSIC
    if kind < 0.45:
        return STEADY
    switches = {name: chance.choice(("on", "on", "off")) for name in SWITCHES}
    return Regime(changes=tuple((switches | _numbers(chance)).items()))


def _numbers(chance: Random) -> dict[str, Any]:
    """Draw numbers that bind within days."""

    def between(low: float, high: float) -> float:
        return round(chance.uniform(low, high), 4)

    return {
        "exposure.drawdown_multiple": between(1.0, 8.0),
        "exposure.drawdown_floor": between(0.7, 0.97),
        "exposure.peak_days": chance.choice((1, 2, 365)),
        "exposure.shortfall_max": between(0.003, 0.03),
        "exposure.kelly_fraction": between(0.1, 1.0),
        "exposure.kelly_least": between(0.01, 0.1),
        "exposure.volatility_max": between(0.05, 0.3),
        "exposure.rise_min": between(0.01, 0.3),
        "exposure.steps": chance.choice((20.0, 100.0, 400.0)),
        "record.discount": between(0.9, 1.0),
        "record.promote_probability": between(0.5, 0.7),
        "record.demote_probability": between(0.2, 0.5),
        "record.trades_min_1": chance.randint(1, 3),
        "record.trades_min_2": chance.randint(3, 6),
        "record.prior_trades": between(0.5, 5.0),
        "record.payoff_trades": between(0.5, 20.0),
        "record.offset": between(0.01, 0.2),
        "breakers.drawdown_limit": between(0.02, 0.2),
        "breakers.loss_limit_sleeve": between(0.003, 0.03),
        "limits.loss_limit_daily": between(0.01, 0.05),
        "limits.loss_limit_daily_asset": between(0.003, 0.03),
        "limits.loss_limit_monthly": between(0.05, 0.15),
        "edge.uncalibrated": between(0.2, 1.0),
    }


# -- evidence -------------------------------------------------------------------------------------


class Looker:
    """Measures an account's past now and then, or claims to: what it brings is not always sound."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(f"{seed}/evidence")
        self._last: Measured | None = None

    def brings(self, now_ns: int, source: str) -> str:
        """Return what is brought now, as JSON: new, the same again, or nothing that can count."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.1:
            return chance.choice(("", "{}", '{"from_ns": 1}', "NaN"))
        if self._last is not None and kind < 0.35:
            life_ns = chance.choice((0, HOUR_NS, DAY_NS))
            again = msgspec.structs.replace(self._last, expires_ns=self._last.expires_ns + life_ns)
        else:
            again = self._measured(now_ns, source, is_sound=kind < 0.9)
        self._last = again
        return msgspec.json.encode(again).decode()

    def _measured(self, now_ns: int, source: str, *, is_sound: bool) -> Measured:
        chance = self.chance
        until_ns = now_ns - chance.choice((MINUTE_NS, HOUR_NS, DAY_NS))
        expires_ns = now_ns + chance.choice((10 * MINUTE_NS, HOUR_NS, 9 * HOUR_NS, 2 * DAY_NS))
        if not is_sound:
            until_ns, expires_ns = chance.choice(
                ((now_ns + HOUR_NS, expires_ns), (until_ns, now_ns), (until_ns, 1))
            )
        curves = [self._curve(source)] if chance.random() < 0.6 else []
        return Measured(
            from_ns=until_ns - 90 * DAY_NS,
            until_ns=until_ns,
            expires_ns=expires_ns,
            days=90,
            sha256="0" * 64,
            sleeves={name: self._figures() for name in SLEEVES},
            calibrations=tuple(curves),
        )

    def _figures(self) -> SleeveFigures:
        """Draw figures of one sleeve; the fewer days, the fewer of them."""
        chance = self.chance
        days = chance.choice((5, 30, 90))
        figures: dict[str, str] = {}
        if days >= 20 and chance.random() < 0.9:
            figures |= {
                "es_per_unit": repr(round(chance.uniform(0.01, 0.2), 6)),
                "volatility": repr(round(chance.uniform(0.1, 1.5), 6)),
                "volatility_target": repr(round(chance.uniform(0.03, 0.4), 6)),
            }
        if days >= 60 and chance.random() < 0.9:
            figures |= {
                "mean_low": repr(round(chance.uniform(-0.2, 1.0), 6)),
                "kelly_best": repr(round(chance.uniform(0.0, 1.0), 6)),
            }
        return SleeveFigures(days=days, **figures)

    def _curve(self, source: str) -> Calibration:
        chance = self.chance
        low, high = sorted(round(chance.uniform(0.2, 0.95), 4) for _ in range(2))
        return Calibration(
            source=source,
            outcomes=chance.randint(50, 200),
            method="platt",
            scores=("0.0", "0.5", "1.0"),
            probabilities=(repr(low), repr(round((low + high) / 2, 4)), repr(high)),
        )
