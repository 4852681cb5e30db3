"""The pages of the desk, led astray by other sites and asked by people who are nobody."""

from smart_leverage.drill.attempt import BTC, Ground, attempt
from smart_leverage.engine.events import Command

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATHS = ("/act/resume", "/act/flatten", "/act/limits", "/act/enforcement", "/act/bots", "/act/halt")
FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:1"},
    {},
)


@attempt(is_alone=True)
def the_desk_from_another_site(ground: Ground) -> None:
    """Send the desk's forms from other sites and under foreign names, to lift a halt."""
    ground.stage.command(Command.HALT)
    desk = ground.stage.line(None, ground.stage.desk_url)
    mark = ground.stage.settled().last
    for path in PATHS:
        for headers in FOREIGN:
            desk("POST", path, b"csrf=0&reason=go+on&token=0", {**FORM, **headers})
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example"):
        for method, path in (("GET", "/"), ("GET", "/sign-in"), ("POST", "/act/resume")):
            answer = desk(
                method, path, b"reason=go+on" if method == "POST" else None, {"Host": host}
            )
            ground.must(not answer.is_taken, f"{method} {path} was answered to {host}")
    _must_be_halted(ground, mark)


@attempt(is_alone=True)
def the_desk_without_a_session(ground: Ground) -> None:
    """Guess a link, a password and a cookie, send the bot's keys to the desk, to lift a halt."""
    ground.stage.command(Command.HALT)
    url, mark = ground.stage.desk_url, ground.stage.settled().last
    keys = ground.stage.keys["bot"]
    own = {"Origin": url, "Sec-Fetch-Site": "same-origin", **FORM}
    for desk in (ground.stage.line(None, url), ground.stage.line(keys, url)):
        for number in range(2):
            desk("GET", f"/sign-in?link={ground.chance.getrandbits(128):032x}", is_aside=True)
            guess = f"name=admin&password=guess{number}&csrf=0".encode()
            desk("POST", "/sign-in", guess, own)
        for path in PATHS:
            desk("POST", path, b"csrf=0&reason=go+on", {**own, "Cookie": f"sl={keys[1]}"})
    _must_be_halted(ground, mark)


def _must_be_halted(ground: Ground, mark: int) -> None:
    ground.must(ground.state() == "halted", "a stranger at the desk has lifted the halt")
    ground.buy(BTC, "0.001")
    ground.must_have_bought_nothing(mark, "after a stranger had been at the desk")
