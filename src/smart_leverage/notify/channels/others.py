"""Further services through apprise: those of a list, whose addresses name no host of ours."""

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_leverage.domain.errors import ConfigError
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.post import Parcel
from smart_leverage.notify.secrets import Secret

if TYPE_CHECKING:
    import apprise

TIMEOUT_S = 10.0

ALLOWED = (
    "discord",
    "gchat",
    "opsgenie",
    "pagerduty",
    "pbul",
    "pover",
    "prowl",
    "slack",
    "twilio",
    "vonage",
    "wxteams",
)
"""Schemes of services with one public address each. A scheme that names a host could be pointed at
a machine inside, which the webhook refuses."""

KEY = "notify.apprise.urls_file"


class AppriseChannel:
    """Hands messages to apprise, which blocks, within a time that it keeps itself."""

    name = "apprise"

    def __init__(self, urls: Secret) -> None:
        """Take addresses, one a line.

        Raises:
            ConfigError: The library is missing, or an address is not one of the list.
        """
        wanted = [line.strip() for line in urls.reveal().splitlines()]
        wanted = [line for line in wanted if line and not line.startswith("#")]
        problems = [
            f"{KEY}: line {number} is {_scheme(url)!r}, which is not on the list; "
            f"one of {', '.join(ALLOWED)}"
            for number, url in enumerate(wanted, 1)
            if _scheme(url) not in ALLOWED
        ]
        if problems:
            raise ConfigError(problems, KEY)
        self._services = _services(wanted)

    def send(self, parcel: Parcel) -> Outcome:
        """Try once; see `Channel.send`."""
        try:
            result = self._services.notify(body=parcel.text, timeout=TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - plugins raise what they like, with addresses in
            return Outcome(is_sent=False, why=f"broke: {type(error).__name__}", may_have_come=True)
        if result:
            return Outcome(is_sent=True)
        failed = [one.name for one in result.results if not one]
        why = f"{len(failed)} of {len(result.results)} services failed"
        return Outcome(is_sent=False, why=why, may_have_come=True)


def _scheme(url: str) -> str:
    return urlsplit(url).scheme.lower()


def _services(urls: list[str]) -> "apprise.Apprise":
    """Load the library late: it is an extra, and takes longer to import than all the rest."""
    try:
        import apprise
    except ImportError:
        fix = "`pip install 'smart-leverage[notify]'` installs it"
        raise ConfigError([f"notify.apprise: the library is not installed; {fix}"], KEY) from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines may hold addresses
    services = apprise.Apprise(asset=apprise.AppriseAsset(storage_mode="memory"))
    wrong = [number for number, url in enumerate(urls, 1) if not services.add(url)]
    if wrong or not urls:
        lines = ", ".join(map(str, wrong))
        fault = f"line {lines} is no address of its service" if wrong else "holds no address"
        raise ConfigError([f"{KEY}: {fault}"], KEY)
    return services
