"""Refusals as the wire has them: an HTTP status, an integer code, a message, and facts as text."""


class WireError(Exception):
    """A request that gets no for an answer."""

    def __init__(self, status: int, code: int, message: str, **extras: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extras = extras

    def body(self) -> dict[str, object]:
        """Return the object that is sent."""
        return {"code": self.code, "message": self.message, **self.extras}


def bad_json(why: str) -> WireError:
    """Return the refusal of a request that cannot be read."""
    return WireError(400, 40010000, why)


def invalid(why: str) -> WireError:
    """Return the refusal of a value that is no such value."""
    return WireError(422, 40010001, why)


def unprocessable(why: str, **extras: str) -> WireError:
    """Return the refusal of values that do not go together, or not now."""
    return WireError(422, 42210000, why, **extras)


def forbidden(why: str, **extras: str) -> WireError:
    """Return the refusal of something understood; clients take it as final."""
    return WireError(403, 40310000, why, **extras)


def unauthorized() -> WireError:
    """Return the refusal of somebody unknown; it says no more than that."""
    return WireError(401, 40110000, "request is not authorized")


def not_found(why: str) -> WireError:
    """Return the refusal of what is not there."""
    return WireError(404, 40410000, why)


def too_large() -> WireError:
    """Return the refusal of a body beyond its bound."""
    return WireError(413, 41310000, "the body is too large")


def too_many(why: str) -> WireError:
    """Return the refusal of somebody who comes too often; nothing was decided."""
    return WireError(429, 42910000, why)


def internal(reference: str) -> WireError:
    """Return what is said of a bug of ours: where it stands in the log, and nothing else."""
    return WireError(500, 50010000, f"internal error, reference {reference}")
