"""Settings of a preset, for tests that are about its numbers and not about the default."""

from smart_leverage.settings import Settings, load
from smart_leverage.settings.telling import variable_of


def settings_of(preset: str) -> Settings:
    """Return a preset as it ships."""
    return load(None, {variable_of("policy.preset"): preset}).settings


CLASSIC_SETTINGS = settings_of("classic")
