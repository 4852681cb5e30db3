"""The sign of life for an outside watcher, which calls when it stays away."""

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.errors import ConfigError
from smart_leverage.notify.addresses import problem_of
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.secrets import Secret
from smart_leverage.notify.sending import Network, Sender, outcome_of

EVERY_NS = MINUTE_NS
KEY = "notify.watcher.url_file"


class Pinger:
    """Asks for one address; whoever knows it can keep the watcher calm, so it is a secret."""

    def __init__(self, url: Secret, network: Network = Network()) -> None:  # noqa: B008
        """Take the address.

        Raises:
            ConfigError: It is none that we send to.
        """
        if wrong := problem_of(url.reveal()):
            raise ConfigError([f"{KEY}: the address in it {wrong}"], KEY)
        self._url = url
        self._sender = Sender(network)

    def ping(self) -> Outcome:
        """Give one sign of life."""
        return outcome_of(lambda: self._sender.get(self._url.reveal()))
