"""State, tier, plans, trips and locks as bands over one time, and how often was denied when."""

from smart_leverage.domain.records import StateChanged, TierGranted
from smart_leverage.domain.sentences import BREAKERS, TIERS, group_told, percent, plan_told
from smart_leverage.domain.stamps import span
from smart_leverage.reports.citing import cited, clipped, counted
from smart_leverage.reports.html.money_charts import state_css
from smart_leverage.reports.html.parts import Chart, Head, Lane, Table, left_out
from smart_leverage.reports.html.plot import Band, merged
from smart_leverage.reports.html.scene import Scene, Span
from smart_leverage.reports.measures import Plan, Trip, plans, trips

_TIER_CSS = {
    "EMERGENCY": "tier-0",
    "LEARNING": "tier-1",
    "STABLE": "tier-2",
    "PROFITABLE": "tier-3",
}
_LANES = {"day": "Day loss", "month": "Month loss", "emergency": "Emergency"}


def timeline_chart(scene: Scene) -> Chart:
    """Return the lanes and the table of every change."""
    lanes = [
        Lane("State", [_state(scene, each) for each in scene.states]),
        Lane("Tier", [_tier(scene, each) for each in scene.tiers]),
    ]
    found = plans(scene.story)
    if found:
        lanes.append(Lane("Plans", [_plan(scene, each) for each in found]))
    moves = trips(scene.story)
    for name in dict.fromkeys(each.breaker for each in moves):
        same = [_trip(scene, each) for each in moves if each.breaker == name]
        lanes.append(Lane(_LANES.get(name, clipped(name, 10)), same))
    if scene.story.locks:
        lanes.append(Lane("Locks", _locks(scene)))
    most, has_length = scene.bounds.marks, scene.end_ns > scene.start_ns
    return Chart(
        id="timeline",
        title="States and tiers",
        caption=_caption(scene),
        source=f"{cited(scene.places(StateChanged), 'change of state', 'changes of state')}; "
        f"{cited(scene.places(TierGranted), 'change of tier', 'changes of tier')}",
        panels=[],
        keys=[],
        x_ticks=scene.x_ticks,
        x_title=scene.x_title,
        table=_table(scene),
        lanes=[Lane(each.name, merged(each.bands, most)) for each in lanes if has_length],
    )


def _band(scene: Scene, start_ns: int, end_ns: int, css: str, text: str, title: str) -> Band:
    left, right = scene.x.percent(start_ns), scene.x.percent(end_ns)
    return Band(left, max(round(right - left, 2), 0.3), css, text, title)


def _state(scene: Scene, each: Span) -> Band:
    word = each.name.upper()
    title = f"{word}, {scene.zone.text(each.start_ns)} to {scene.zone.text(each.end_ns)}"
    css = f"state-{state_css(each.name)}"
    return _band(scene, each.start_ns, each.end_ns, css, word, title)


def _tier(scene: Scene, each: Span) -> Band:
    word = TIERS.get(each.name, each.name)
    title = f"{word}, {scene.zone.text(each.start_ns)} to {scene.zone.text(each.end_ns)}"
    css = _TIER_CSS.get(each.name, "tier-0")
    return _band(scene, each.start_ns, each.end_ns, css, word, title)


def _plan(scene: Scene, each: Plan) -> Band:
    end_ns = scene.end_ns if each.end_ns is None else each.end_ns
    group = group_told(each.group)
    status = plan_told(each.status, each.group)
    title = f"plan {each.plan_id}: {group}, {scene.zone.text(each.start_ns)}, {status}"
    return _band(scene, each.start_ns, end_ns, "plan", clipped(each.plan_id, 12), clipped(title))


def _trip(scene: Scene, each: Trip) -> Band:
    end_ns = scene.end_ns if each.end_ns is None else each.end_ns
    word = BREAKERS[each.breaker].word if each.breaker in BREAKERS else each.breaker
    title = f"{word}: {percent(each.value, 2)} of {percent(each.limit)} lost"
    return _band(scene, each.start_ns, end_ns, "trip", "tripped", clipped(title))


def _locks(scene: Scene) -> list[Band]:
    return [
        _band(
            scene,
            each.at_ns,
            min(each.until_ns, scene.end_ns),
            "trip",
            "",
            clipped(f"{each.key} locked, {percent(each.loss, 2)} lost"),
        )
        for each in scene.story.locks
    ]


def _caption(scene: Scene) -> str:
    total = scene.end_ns - scene.start_ns
    active = sum(each.end_ns - each.start_ns for each in scene.states if each.name == "active")
    last = scene.tiers[-1]
    changes = counted(len(scene.story.tiers), "change") if scene.story.tiers else "no change"
    was = "No time has passed"
    if total:
        was = f"The account was ACTIVE for {percent(active / total)} of the time"
    tier = TIERS.get(last.name, clipped(last.name, 24))
    return f"{was}; it ended in tier {tier} after {changes} of tier."


def _table(scene: Scene) -> Table:
    rows = [
        *((each, "state", each.name.upper(), clipped(each.why)) for each in scene.states),
        *(
            (each, "tier", TIERS.get(each.name, each.name), _evidence(scene, each))
            for each in scene.tiers
        ),
    ]
    rows.sort(key=lambda row: (row[0].start_ns, row[1]))
    shown = [
        (
            scene.zone.text(each.start_ns),
            kind,
            word,
            span(each.end_ns - each.start_ns) + (", to the end" if each.is_open else ""),
            why,
            "the opening" if each.seq is None else f"event {each.seq:,}",
        )
        for each, kind, word, why in rows[-scene.bounds.rows :]
    ]
    return Table(
        caption="Every change of state and tier, with its evidence",
        heads=[
            Head("from"),
            Head("what"),
            Head("became"),
            Head("lasted"),
            Head("why", wraps=True),
            Head("source"),
        ],
        rows=shown,
        more=left_out(len(shown), len(rows), "the latest ones are shown"),
    )


def _evidence(scene: Scene, each: Span) -> str:
    if each.seq is None:
        return clipped(each.why)
    change = scene.story.tiers[list(scene.places(TierGranted)).index(each.seq)]
    record = f"{change.wins} of {change.closed} trades won" if change.closed else "no closed trade"
    month = _fraction(change.month_return)
    return f"{change.why}: earned {change.earned}, {record}, month {month}"


def _fraction(text: str) -> str:
    try:
        return percent(float(text), 2)
    except ValueError:
        return "not known"
