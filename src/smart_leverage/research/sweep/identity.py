"""What the result of a sweep depends on, and a key made of all of it."""

import hashlib
import json
from typing import Any

import numpy as np

from smart_leverage.domain.stamps import iso
from smart_leverage.research.compile import fingerprint
from smart_leverage.research.kernel.loop import advance
from smart_leverage.research.kernel.setup import leaves
from smart_leverage.research.sweep.figures import Inputs
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.spool import arrays_of


def told(plan: Plan, inputs: Inputs) -> dict[str, Any]:
    """Return everything that the result depends on, as JSON holds it, with its hash as the key."""
    at = inputs.bars.instants["at"]
    found: dict[str, Any] = {
        "kernel": fingerprint(advance),
        "bars": {
            "instruments": list(map(str, inputs.bars.keys)),
            "count": inputs.bars.bars,
            "first": iso(int(at[0])),
            "last": iso(int(at[-1])),
        },
        "inputs": _digest(inputs),
        "setup": _numbers(inputs.setup),
        "timezone": inputs.timezone,
        "policy": dict(leaves(plan.space.base)),
        "space": [axis._asdict() for axis in plan.space.axes],
        "method": plan.method,
        "count": plan.sets if plan.method != "grid" else 0,
        "seed": plan.seed,
        "objectives": [each.name for each in plan.objectives],
        "goal": plan.goal._asdict(),
        "months": inputs.has_months,
        "optuna": _searched(plan),
    }
    found = json.loads(json.dumps(found))  # as it will be read again
    text = json.dumps(found, sort_keys=True)
    return found | {"key": hashlib.sha256(text.encode()).hexdigest()}


def _searched(plan: Plan) -> dict[str, Any]:
    """Return what of the search matters: not where the study is kept."""
    return plan.search._replace(storage="")._asdict() if plan.method == "optuna" else {}


def _numbers(record: Any) -> Any:
    if hasattr(record, "_asdict"):
        return {name: _numbers(value) for name, value in record._asdict().items()}
    return record


def _digest(inputs: Inputs) -> str:
    digest = hashlib.sha256()
    for name, array in arrays_of(inputs).items():
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()
