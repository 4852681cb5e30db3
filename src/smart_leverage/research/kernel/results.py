"""What a run and a sweep give back: arrays with names, shapes and units."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]


class Metrics(NamedTuple):
    """One number per policy, each of shape (n_policies,); fractions unless another unit is named.

    `equity` is money at the last mark. `growth` is equity over opening cash less one. `drawdown`
    is the deepest fall of marked equity below its best mark. `day_mean` and `day_std` are of the
    returns of whole risk days (`days` of them, population deviation; NaN without a day). `exposure`
    and `exposure_crypto` are means of market value over equity and `cap_use` that of crypto over
    the crypto cap in force, over marks. `trades` are closing orders, `wins` and `losses` those
    beyond a tick, `forced` those that the house sent. `fees` is money; `turnover` the traded value
    over opening cash. `bought` and `denied` count decided purchases that gave something, and that
    gave nothing although the size was not reached. The `trips_…`, `locks`, `plans` and `halts`
    count events.
    """

    equity: Floats
    growth: Floats
    drawdown: Floats
    days: Ints
    day_mean: Floats
    day_std: Floats
    exposure: Floats
    exposure_crypto: Floats
    cap_use: Floats
    trades: Ints
    wins: Ints
    losses: Ints
    forced: Ints
    fees: Floats
    turnover: Floats
    bought: Ints
    denied: Ints
    trips_day: Ints
    trips_month: Ints
    locks: Ints
    plans: Ints
    halts: Ints


class Ends(NamedTuple):
    """What marks came to by the ends of risk days and months.

    `days` is (n_policies, n_days), the last mark of a day, money; of a day without marks it means
    nothing. `falls` is (n_policies, n_months), the deepest fall of a mark below the best one of its
    month, that before the month included; fraction.
    """

    days: Floats
    falls: Floats


class Run(NamedTuple):
    """What one account did; every array is empty where nothing of its kind was asked to be kept.

    Attributes:
        metrics: Of this one account: arrays of shape (1,).
        curve: (n_marks,) rows at every instant with a close: `at` (UTC ns), `equity`, `cash`,
            `crypto`, `leveraged`, `gross` (money), `cap_crypto`, `cap_leveraged` (fractions of
            equity), `tier` (`policy.tier.Tier`), `state` (`policy.reasons.TradingState`).
        decisions: (n_decisions,) rows: `at`, `asset` (place in `Columns.keys`), `is_buy`,
            `is_house`, `asked`, `given` (units of 1e-9), `reason` (`policy.reasons.Reason`).
        fills: (n_fills,) rows: `at`, `asset`, `is_buy`, `is_house`, `qty` (units of 1e-9),
            `price`, `fee_cash` (money), `fee_units` (units of 1e-9).
        trades: (n_trades,) rows, one per closing order: `at`, `asset`, `is_house`, `qty` (units of
            1e-9), `entry`, `exit` (money), `net` (money, fees off), `outcome` (1 won, −1 lost, 0
            moved less than a tick).
    """

    metrics: Metrics
    curve: Rows
    decisions: Rows
    fills: Rows
    trades: Rows
