"""The catalogue: every attempt of the drill, in the order in which they are played."""

from smart_leverage.drill.attempt import Attempt
from smart_leverage.drill.attempts import bodies, control, desk, incidents, orders, stopped, tokens

CONTROL: Attempt = control.ordinary_orders
"""Played first in every drill, and not counted: it is no attempt at anything."""

CATALOGUE: tuple[Attempt, ...] = (
    # What the venue hears nothing of when it is stopped comes first: those share an account.
    tokens.a_reading_token,
    tokens.a_revoked_token,
    tokens.strangers,
    tokens.raising_its_own_limits,
    bodies.unknown_routes,
    bodies.hostile_bodies,
    orders.short_sales,
    orders.more_by_replacing,
    orders.many_small_orders,
    orders.bracket_legs,
    orders.amounts_of_money,
    orders.closing_more_than_held,
    orders.other_spellings,
    orders.leveraged_funds,
    orders.the_same_id_again,
    orders.new_ids_after_a_timeout,
    orders.two_bots_race,
    orders.taking_the_stop_away,
    tokens.a_second_token,
    tokens.what_another_bot_holds,
    bodies.signals_again,
    stopped.orders_after_a_halt,
    stopped.a_crash_after_a_halt,
    stopped.beyond_the_daily_stop,
    stopped.beyond_the_monthly_stop,
    stopped.an_emergency,
    stopped.loss_after_loss,
    stopped.a_locked_asset,
    desk.the_desk_from_another_site,
    desk.the_desk_without_a_session,
    incidents.incident_buys_at_82_percent,
    incidents.incident_nothing_was_sold,
    incidents.incident_nine_orders_one_snapshot,
    incidents.incident_a_second_instance,
    incidents.incident_one_sells_one_buys,
    incidents.incident_fills_were_lost,
)
