"""Looks back on an account: what was due, what was measured, and which limits should change.

`review` measures windows against their targets, lets the rules speak, and seals what they propose.
Everything is made from the journal up to one event, so that whoever signs can make it again.
"""

from smart_leverage.research.review.facts import Standing
from smart_leverage.research.review.looking import Line, Look, Targets, Verdict
from smart_leverage.research.review.making import Review, review
from smart_leverage.research.review.rules import Finding

__all__ = ["Finding", "Line", "Look", "Review", "Standing", "Targets", "Verdict", "review"]
