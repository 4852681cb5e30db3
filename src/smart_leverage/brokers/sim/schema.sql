-- The simulated venue's own file: what happened there, in a form that an auditor can read alone.
--
-- Times are UTC nanoseconds since 1970. Amounts, quantities and prices are exact decimal text
-- without an exponent, never floating columns; only `lines` keeps the floats that the market sent,
-- as the shortest text that gives the same float. One call to the venue is one transaction, so a
-- reader sees calls whole or not at all. `key` is "asset_class:symbol", e.g. "crypto:BTC/USD".

-- name = setup: configuration, costs and instruments as JSON; counters: the venue's time and last
-- numbers; schema: version of this file; account_id.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Everything that happened, in order. kind is "opened", "update.<event>" with the stream's message
-- as payload (its `broker_order` is the order after the event), "refused" with the request, code,
-- message and facts, or "activity" with a row of the account's activities.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    update_sequence INTEGER UNIQUE,      -- number on the stream, without gaps; NULL for the rest
    client_order_id TEXT,
    payload TEXT NOT NULL                -- JSON; decimals are text
) STRICT;

-- Every order that was ever taken, as it stands now; its past is in `order_history`.
CREATE TABLE orders (
    number INTEGER PRIMARY KEY,          -- in the order of submission, from 1
    client_order_id TEXT NOT NULL UNIQUE,
    broker_order_id TEXT NOT NULL UNIQUE,
    bot TEXT NOT NULL,
    key TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    order_class TEXT NOT NULL,
    qty TEXT NOT NULL,
    limit_price TEXT,
    stop_price TEXT,                     -- of a trailing stop, where it stands
    trail_price TEXT,
    trail_percent TEXT,
    hwm TEXT,                            -- best price that a trailing stop has seen
    status TEXT NOT NULL,                -- the venue's word
    filled_qty TEXT NOT NULL,            -- gross: a coin fee is not taken off
    filled_value TEXT NOT NULL,          -- sum of quantity × price
    submitted_at_ns INTEGER NOT NULL,
    updated_at_ns INTEGER NOT NULL,
    expires_at_ns INTEGER NOT NULL,
    part TEXT NOT NULL,                  -- "", entry, target or stop
    parent_id TEXT,
    replaces TEXT,
    replaced_by TEXT,
    state TEXT NOT NULL                  -- the whole ticket as JSON, to continue from
) STRICT;

-- Every execution. A fee in a coin is taken from the units received, one in USD from the cash. One
-- that was taken back or corrected stays here: the event that says so names it as `revises`, and
-- what counts in its place, with the time at which it was dealt, has a row of its own.
CREATE TABLE fills (
    number INTEGER PRIMARY KEY,
    execution_id TEXT NOT NULL UNIQUE,
    at_ns INTEGER NOT NULL,
    client_order_id TEXT NOT NULL,
    key TEXT NOT NULL,
    side TEXT NOT NULL,
    qty TEXT NOT NULL,
    price TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_asset TEXT NOT NULL,
    is_maker INTEGER NOT NULL
) STRICT;

-- Every movement of cash (asset "USD") and of units (asset = key). The amounts of an asset add up
-- to its balance. cause: opening, fill, fee, flow, split, revision; reference: execution_id
-- or the flow's own.
CREATE TABLE changes (
    number INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    asset TEXT NOT NULL,
    amount TEXT NOT NULL,
    balance TEXT NOT NULL,
    cause TEXT NOT NULL,
    reference TEXT NOT NULL
) STRICT;

-- What is held now; cash is the last balance of asset "USD" in `changes`.
CREATE TABLE positions (
    key TEXT PRIMARY KEY,
    qty TEXT NOT NULL,
    avg_entry_price TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The market as the venue saw it last; overwritten, a bar leaves no row of its own.
CREATE TABLE lines (
    key TEXT PRIMARY KEY,
    mark TEXT NOT NULL,
    bid TEXT NOT NULL,
    ask TEXT NOT NULL,
    closed_ns INTEGER NOT NULL,          -- end of the last bar that was met
    opened_ns INTEGER NOT NULL,          -- start of the last bar whose open was printed
    is_opening INTEGER NOT NULL,         -- printed, but the orders have not met it yet
    print_number INTEGER NOT NULL        -- orders up to this number take part in that opening
) STRICT, WITHOUT ROWID;

CREATE VIEW order_history AS
SELECT sequence,
       at_ns,
       client_order_id,
       substr(kind, 8) AS event,
       payload ->> '$.broker_order.status' AS status,
       payload ->> '$.broker_order.order.qty' AS qty,
       payload ->> '$.broker_order.filled_qty' AS filled_qty,
       payload ->> '$.reason' AS reason
FROM events
WHERE update_sequence IS NOT NULL;
