"""A browser without a screen: it keeps its cookie, says where a form was, and follows nothing."""

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.wire.raw import Answer, Raw

HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_NAME, _VALUE = re.compile(r'name="([^"]*)"'), re.compile(r'value="([^"]*)"')


class Browser:
    """One person in one browser; each request has a connection of its own."""

    def __init__(self, url: str) -> None:
        self.raw = Raw(url, ("", ""))
        self.origin = url
        self.cookie = ""
        self.set_cookie = ""

    def __call__(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        lines = {"Host": self.raw.host, "Connection": "close"}
        if self.cookie:
            lines["Cookie"] = self.cookie
        if method != "GET":
            lines |= {
                "Origin": self.origin,
                "Sec-Fetch-Site": "same-origin",
                "Content-Type": "application/x-www-form-urlencoded",
                "Content-Length": str(len(body)),
            }
        lines |= headers or {}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        answer = self.raw.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        self.set_cookie = answer.headers.get("set-cookie", "")
        if self.set_cookie:
            pair = self.set_cookie.partition(";")[0]
            self.cookie = "" if pair.endswith("=") else pair
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path: str, fields: dict[str, Any], **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self("POST", path, urlencode(fields).encode(), named)

    def enter(self, link: str) -> Answer:
        """Sign in by a link as a person does: open it, and send the form that it shows."""
        parts = urlsplit(link)
        shown = self.get(f"{parts.path}?{parts.query}")
        return self.post("/sign-in", hidden(shown))


def hidden(answer: Answer) -> dict[str, str]:
    """Return the hidden fields of the forms of a page."""
    found = {}
    for field in HIDDEN.findall(answer.body.decode()):
        name, value = _NAME.search(field), _VALUE.search(field)
        assert name
        found[name[1]] = value[1] if value else ""
    return found
