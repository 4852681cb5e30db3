"""What was configured: one record per section, every key with its unit, nothing unknown."""

from smart_leverage.settings.loading import BASE, PRESETS, Loaded, load
from smart_leverage.settings.section import Section
from smart_leverage.settings.sections import (
    BELOW,
    ORDERED,
    AccountSection,
    ExposureSection,
    LimitsSection,
    Settings,
    TierSection,
    contradictions,
    flat,
)
from smart_leverage.settings.telling import ENV_PREFIX
from smart_leverage.settings.template import template

__all__ = [
    "BASE",
    "BELOW",
    "ENV_PREFIX",
    "ORDERED",
    "PRESETS",
    "AccountSection",
    "ExposureSection",
    "LimitsSection",
    "Loaded",
    "Section",
    "Settings",
    "TierSection",
    "contradictions",
    "flat",
    "load",
    "template",
]
