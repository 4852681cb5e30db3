"""Asks the gateway of this machine whether its loop goes round; leaves with 0 or 1."""

import http.client
import os
import sys

PORT = int(os.environ.get("SMART_LEVERAGE_SERVER__PORT", "8787"))
WITHIN_S = 3.0


def is_alive() -> bool:
    """Tell whether the gateway answers."""
    line = http.client.HTTPConnection("127.0.0.1", PORT, timeout=WITHIN_S)
    try:
        line.request("GET", "/healthz")
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive() else 1)
