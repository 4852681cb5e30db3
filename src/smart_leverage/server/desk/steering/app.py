"""The pages of a desk behind their door, with the ways in and the files that they use."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from smart_leverage.server.desk.asking import DoorRoute, shown
from smart_leverage.server.desk.screens.reading import ReadingRoom
from smart_leverage.server.desk.screens.rendering import environment
from smart_leverage.server.desk.steering.account import Account
from smart_leverage.server.desk.steering.acting import Acting, Action
from smart_leverage.server.desk.steering.bots import BotAdd, BotRevoke
from smart_leverage.server.desk.steering.door import PageDoor, Pages
from smart_leverage.server.desk.steering.entering import Entrance
from smart_leverage.server.desk.steering.loosening import Enforce, Limit, Resume, TierRise
from smart_leverage.server.desk.steering.notifying import Channels, NotifyTest
from smart_leverage.server.desk.steering.people import PeopleOnFile
from smart_leverage.server.desk.steering.statics import static_route
from smart_leverage.server.desk.steering.stopping import (
    Close,
    Consent,
    Flatten,
    Halt,
    Rebalance,
    Reduce,
)
from smart_leverage.server.desk.steering.ticket import Ticket
from smart_leverage.server.desk.steering.views import Views
from smart_leverage.server.desk.visitors import PageRoute, Visitor
from smart_leverage.server.gate import Door
from smart_leverage.wire.errors import WireError

HERE = Path(__file__).parent
STATICS = (HERE.parent / "screens" / "static", HERE / "static")


class Place(NamedTuple):
    """Which account the pages are of, and how they are reached."""

    folder: Path
    room: ReadingRoom
    """Where the account is read."""
    gateway: str = ""
    """Where the account takes orders; empty where nobody said so."""
    certificate: Path | None = None
    """Of the server, where there is TLS."""
    pages: tuple[PageRoute | DoorRoute, ...] = ()
    """The screens, which show what is there."""
    channels: Channels | None = None
    """Through which people are told of things; None where there are none."""

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.certificate is not None


def pages(place: Place, door: Door) -> Pages:
    """Return the application of all pages of an account."""
    routes = [
        *(each if isinstance(each, DoorRoute) else shown(each) for each in place.pages),
        *_own(place, door.now_ns),
    ]
    return Pages(
        routes,
        PageDoor(
            hosts=door.hosts,
            people=PeopleOnFile(place.folder, door.now_ns),
            rates=door.rates,
            told=refused,
            now_ns=door.now_ns,
            is_secure=place.is_secure,
        ),
    )


def _own(place: Place, now_ns: Callable[[], int]) -> Iterable[DoorRoute]:
    yield static_route(STATICS)
    yield from Entrance(place.folder, environment(), now_ns).routes()
    account = Account(place.folder, place.gateway, place.certificate)
    actions = actions_of(account, Views(place.room), place.channels)
    yield from Acting(actions, environment(), now_ns).routes()


def actions_of(account: Account, views: Views, channels: Channels | None) -> tuple[Action, ...]:
    """Return everything that people may order, in the order in which it is listed."""
    return (
        Halt(account, views),
        Reduce(account, views),
        Resume(account, views),
        Ticket(account, views),
        Rebalance(account, views),
        Close(account, views),
        Flatten(account, views),
        Consent(account, views),
        TierRise(account, views),
        Limit(account, views),
        Enforce(account, views),
        BotAdd(account, views),
        BotRevoke(account, views),
        NotifyTest(account, channels),
    )


def refused(error: WireError, visitor: Visitor) -> str:
    """Return the page of a refusal; nothing of a stranger's request stands in it."""
    template = environment().get_template("steering/refused.html")
    return template.render(status=error.status, why=error.message, visitor=visitor)
