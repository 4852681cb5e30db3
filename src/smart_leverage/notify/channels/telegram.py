"""Telegram: a message of a bot in one chat, as plain text so that nothing in it is markup."""

import msgspec
from msgspec import Struct

from smart_leverage.notify.config import Telegram
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.post import Parcel
from smart_leverage.notify.secrets import Secret
from smart_leverage.notify.sending import Answer, Network, Sender, outcome_of, outcome_of_answer

ORIGIN = "https://api.telegram.org"


class _Parameters(Struct, frozen=True):
    retry_after: float = 0.0


class _Reply(Struct):
    """What the service says; fields that we do not know are passed over."""

    ok: bool = False
    description: str = ""
    parameters: _Parameters = _Parameters()


class TelegramChannel:
    """Sends by the service's `sendMessage`; a wait that it asks for is honoured."""

    name = "telegram"

    def __init__(
        self,
        config: Telegram,
        token: Secret,
        network: Network = Network(),  # noqa: B008 - immutable
        origin: str = ORIGIN,
    ) -> None:
        """Take the chat and the bot's token; `origin` is another one in tests only."""
        self._chat = config.chat
        self._token = token
        self._origin = origin
        self._sender = Sender(network)

    def send(self, parcel: Parcel) -> Outcome:
        """Try once; see `Channel.send`."""
        body = msgspec.json.encode(
            {
                "chat_id": self._chat,
                "text": parcel.text,
                "disable_notification": parcel.is_silent,
                "link_preview_options": {"is_disabled": True},
            }
        )
        url = f"{self._origin}/bot{self._token.reveal()}/sendMessage"
        heard: list[Answer] = []

        def post() -> Answer:
            heard.append(self._sender.post(url, body, {"Content-Type": "application/json"}))
            return heard[0]

        outcome = outcome_of(post)
        return _understood(heard[0]) if heard else outcome


def _understood(answer: Answer) -> Outcome:
    """Return what an answer means: the service says more in its body than in its status."""
    outcome = outcome_of_answer(answer)
    try:
        reply = msgspec.json.decode(answer.body, type=_Reply)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        if outcome.is_sent:
            return Outcome(is_sent=False, why="no answer of Telegram's", may_have_come=True)
        return outcome
    if outcome.is_sent and reply.ok:
        return outcome
    said = reply.description[:200]
    return Outcome(
        is_sent=False,
        why=f"refused with {answer.status}: {said}" if said else outcome.why,
        retry_after_s=max(reply.parameters.retry_after, outcome.retry_after_s),
        may_have_come=outcome.may_have_come,
    )
