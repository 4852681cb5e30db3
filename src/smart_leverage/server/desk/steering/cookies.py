"""The one cookie of the desk: the secret of a session, which no script and no other site gets."""

NAME = "sl"
SECURE_NAME = "__Host-sl"
"""A browser takes a cookie of this name over TLS only, for this very host and all of its paths."""


def cookie_of(header: bytes, *, is_secure: bool) -> str:
    """Return the secret that a browser sent along, empty where there is none."""
    name = name_of(is_secure=is_secure)
    for part in header.decode("latin-1").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value[:256]
    return ""


def set_cookie(token: str, *, is_secure: bool) -> tuple[str, str]:
    """Return the header that gives a browser its secret; it forgets it when it is closed."""
    return _header(token, "", is_secure=is_secure)


def drop_cookie(*, is_secure: bool) -> tuple[str, str]:
    """Return the header that takes it away."""
    return _header("", "; Max-Age=0", is_secure=is_secure)


def name_of(*, is_secure: bool) -> str:
    """Return what the cookie is called."""
    return SECURE_NAME if is_secure else NAME


def _header(token: str, lasts: str, *, is_secure: bool) -> tuple[str, str]:
    secure = "; Secure" if is_secure else ""
    value = f"{name_of(is_secure=is_secure)}={token}; Path=/; HttpOnly; SameSite=Strict"
    return "Set-Cookie", f"{value}{secure}{lasts}"
