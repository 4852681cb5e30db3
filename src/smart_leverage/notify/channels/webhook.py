"""A generic webhook: JSON to one https address, signed, so that its receiver knows who sent it."""

import hashlib
import hmac

import msgspec

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.stamps import iso
from smart_leverage.notify.config import Webhook
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.post import Parcel
from smart_leverage.notify.secrets import Secret
from smart_leverage.notify.sending import Network, Sender, outcome_of

TIMEOUT_S = 5.0
SIGNATURE = "X-Smart-Leverage-Signature"
NAME = "X-Smart-Leverage-Id"


class WebhookChannel:
    """Posts each message with its signature; the same id again is the same message."""

    name = "webhook"

    def __init__(
        self,
        config: Webhook,
        secret: Secret,
        network: Network = Network(),  # noqa: B008 - immutable
    ) -> None:
        """Take the address, and the secret that the receiver has as well."""
        self._url = config.url
        self._secret = secret
        self._now_s = network.now_s
        self._sender = Sender(network, TIMEOUT_S)

    def send(self, parcel: Parcel) -> Outcome:
        """Try once; see `Channel.send`."""
        body = msgspec.json.encode(
            {
                "id": parcel.name,
                "level": parcel.level,
                "text": parcel.text,
                "silent": parcel.is_silent,
                "at": iso(parcel.at_ns - parcel.at_ns % SECOND_NS),
            }
        )
        stamp = str(int(self._now_s()))
        headers = {
            "Content-Type": "application/json",
            NAME: parcel.name,
            SIGNATURE: f"t={stamp},v1={signature(self._secret, stamp, body)}",
        }
        return outcome_of(lambda: self._sender.post(self._url, body, headers))


def signature(secret: Secret, stamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of time stamp, a dot and body, in hexadecimal."""
    key = secret.reveal().encode()
    return hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
