"""All numbers of a policy in one tuple; the defaults are the preset `classic`."""

from typing import NamedTuple

from smart_leverage.policy.breakers import LossLimits
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import Deleveraging
from smart_leverage.policy.earning import ExposureTerms
from smart_leverage.policy.evidence import RecordTerms
from smart_leverage.policy.intraday import IntradayTerms
from smart_leverage.policy.sizing import EdgeTerms, Sizing
from smart_leverage.policy.steady_breakers import RollingTerms
from smart_leverage.policy.stops import Stops
from smart_leverage.policy.tier import TierCaps, TierThresholds


class Policy(NamedTuple):
    """What `decide` and the engine are told to hold."""

    thresholds: TierThresholds = TierThresholds()
    tiers: TierCaps = TierCaps()
    groups: GroupCaps = GroupCaps()
    sizing: Sizing = Sizing()
    limits: LossLimits = LossLimits()
    deleveraging: Deleveraging = Deleveraging()
    stops: Stops = Stops()
    exposure: ExposureTerms = ExposureTerms()
    record: RecordTerms = RecordTerms()
    rolling: RollingTerms = RollingTerms()
    edge: EdgeTerms = EdgeTerms()
    intraday: IntradayTerms = IntradayTerms()


CLASSIC = Policy()
