"""Whether a request comes from a page of ours: what other sites make a browser send is refused."""

from collections.abc import Mapping

from smart_leverage.wire.errors import forbidden

SAFE = frozenset({"GET", "HEAD"})
FOREIGN = "this request comes from another site; open the desk itself and do it there"


def check_origin(method: str, headers: Mapping[bytes, bytes], *, is_secure: bool) -> None:
    """Refuse what another site asks for.

    A page is opened by its address, a bookmark or a link. All else has to come from a page of this
    very origin and to say so: a browser states Origin with each form, and no script can change it.

    Raises:
        WireError: It comes from elsewhere, or does not say where from.
    """
    site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
    if method in SAFE:
        _check_fetched(site, headers)
        return
    if site not in ("", "same-origin"):
        raise forbidden(FOREIGN)
    origin = headers.get(b"origin")
    if origin is None:
        if not site:
            raise forbidden("this request does not say which site it comes from")
        return
    if origin != own_origin(headers, is_secure=is_secure):
        raise forbidden(FOREIGN)


def own_origin(headers: Mapping[bytes, bytes], *, is_secure: bool) -> bytes:
    """Return the origin of the server as it was addressed; its name was checked before."""
    scheme = b"https" if is_secure else b"http"
    return scheme + b"://" + headers.get(b"host", b"").lower()


def _check_fetched(site: str, headers: Mapping[bytes, bytes]) -> None:
    """Let another site link to a page, and nothing else: no image, frame or script of ours."""
    mode = headers.get(b"sec-fetch-mode", b"").decode("latin-1")
    place = headers.get(b"sec-fetch-dest", b"").decode("latin-1")
    is_opened = mode == "navigate" and place in ("", "document")
    if site in ("cross-site", "same-site") and not is_opened:
        raise forbidden(FOREIGN)
    if b"origin" in headers and site not in ("", "same-origin"):
        raise forbidden(FOREIGN)
