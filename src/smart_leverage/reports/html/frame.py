"""What every page is put into: templates, style and script, and how values get into them safely."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def rendered_page(template: str, content: Mapping[str, Any]) -> str:
    """Return a page: a template of this package with its content, our style and our script."""
    style, script = _asset("style.css"), _asset("script.js")
    return (
        _environment()
        .get_template(template)
        .render(
            {
                "style": Markup(style),  # noqa: S704 - our own file
                "script": Markup(script),  # noqa: S704 - our own file
                "style_hash": _digest(style),
                "script_hash": _digest(script),
                **content,
            }
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("smart_leverage.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_unbroken,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["packed"] = _packed
    return environment


@cache
def _asset(name: str) -> str:
    environment = _environment()
    loader = environment.loader
    assert loader is not None  # noqa: S101 - given above
    return loader.get_source(environment, name)[0]


def _unbroken(value: Any) -> Any:
    """Keep a number and its per cent sign on one line."""
    return value.replace(" %", "\u00a0%") if type(value) is str else value


def _digest(text: str) -> str:
    """Return the hash by which the page's content policy knows its own style and script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _packed(panels: Sequence[Any]) -> Markup:
    """Return what the crosshair reads, as JSON that cannot end the element it stands in."""
    import msgspec

    text = msgspec.json.encode(
        [[each._asdict() for each in panel.series] for panel in panels]
    ).decode()
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - every sign that could end it is escaped
