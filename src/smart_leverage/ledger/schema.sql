-- The tables of a ledger. Money, prices and quantities are exact decimal text in plain notation;
-- times are UTC nanoseconds; no column can hold a floating number.

-- name: journal
-- What happened. Entries are only ever appended; every other table can be made again from here.
CREATE TABLE ledger_schema (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;

-- The number of times a writer has opened this ledger; a commit of an older epoch is refused.
CREATE TABLE writer (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL
) STRICT;

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    utc_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX journal_by_key ON journal (key, seq) WHERE key <> '';

INSERT INTO ledger_schema (one, version) VALUES (1, 1);
INSERT INTO writer (one, epoch) VALUES (1, 0);

-- name: guards
-- An entry that is there stays as it is.
CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- name: projections
-- What the entries add up to, written in the transaction of the entries themselves.
CREATE TABLE accounts (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    account TEXT NOT NULL,
    mode TEXT NOT NULL,
    cash TEXT NOT NULL,
    risk_timezone TEXT NOT NULL,
    preset TEXT NOT NULL,
    policy TEXT NOT NULL,
    policy_hash TEXT NOT NULL,
    enforcement TEXT NOT NULL,
    version TEXT NOT NULL
) STRICT;

CREATE TABLE instruments (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    key TEXT NOT NULL,
    asset_class TEXT NOT NULL,
    symbol TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    underlying TEXT NOT NULL,
    factor TEXT NOT NULL,
    is_crypto INTEGER NOT NULL,
    tick TEXT NOT NULL,
    lot TEXT NOT NULL,
    size_step TEXT NOT NULL,
    notional_min TEXT NOT NULL,
    fractionable INTEGER NOT NULL,
    shortable INTEGER NOT NULL,
    marginable INTEGER NOT NULL,
    maintenance_rate_long TEXT NOT NULL,
    maintenance_rate_short TEXT NOT NULL,
    reference_price TEXT NOT NULL,
    version INTEGER NOT NULL,
    is_proxy INTEGER NOT NULL
) STRICT;
CREATE INDEX instruments_by_key ON instruments (key, seq);

CREATE TABLE adopted (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    key TEXT NOT NULL,
    qty TEXT NOT NULL,
    price TEXT NOT NULL,
    bot TEXT NOT NULL
) STRICT;

CREATE TABLE flows (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    amount TEXT NOT NULL,
    source TEXT NOT NULL
) STRICT;

CREATE TABLE decisions (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    decision_id TEXT NOT NULL,
    bot TEXT NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    side TEXT NOT NULL,
    asked TEXT NOT NULL,
    allowed TEXT NOT NULL,
    given TEXT NOT NULL,
    price TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    unit TEXT NOT NULL,
    bound TEXT NOT NULL,
    would_be TEXT NOT NULL,
    figures TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_by_id ON decisions (decision_id, seq);

-- One row per order we intended, as we know it now. An id is given once: a second intent with the
-- same id breaks the commit.
CREATE TABLE orders (
    client_order_id TEXT PRIMARY KEY,
    bot TEXT NOT NULL,
    key TEXT NOT NULL,
    side TEXT NOT NULL,
    qty TEXT NOT NULL,
    type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    limit_price TEXT,
    stop_price TEXT,
    order_class TEXT NOT NULL,
    take_profit TEXT,
    stop_loss TEXT,
    stop_loss_limit TEXT,
    trail_price TEXT,
    trail_percent TEXT,                  -- percent of `hwm`, which is the broker's as `stop_price` is
    hwm TEXT,
    role TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    reserve_price TEXT NOT NULL,
    intended_seq INTEGER NOT NULL,
    intended_ns INTEGER NOT NULL,
    state TEXT NOT NULL,
    status TEXT NOT NULL,
    filled_qty TEXT NOT NULL,
    broker_order_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    moved_seq INTEGER NOT NULL,
    moved_ns INTEGER NOT NULL,
    cancel_seq INTEGER,
    cancel_reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_time ON orders (intended_seq);
CREATE INDEX orders_by_state ON orders (state, intended_seq)
WHERE state IN ('intent', 'unknown', 'open', 'pending_cancel', 'pending_replace');

-- `bot` is that of the order's intent; a fill of an order that we never intended is external.
CREATE TABLE fills (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    execution_id TEXT NOT NULL UNIQUE,
    client_order_id TEXT NOT NULL,
    bot TEXT NOT NULL,
    key TEXT NOT NULL,
    side TEXT NOT NULL,
    qty TEXT NOT NULL,
    price TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_asset TEXT NOT NULL,
    executed_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX fills_by_order ON fills (client_order_id, seq);

-- Double entry: the amounts of one entry sum to zero per asset. `asset` is USD or an instrument.
CREATE TABLE postings (
    seq INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    account TEXT NOT NULL,
    bot TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (seq, leg)
) STRICT, WITHOUT ROWID;

-- Signed quantities, negative when short; the rows with an empty bot are the whole account's.
CREATE TABLE positions (
    bot TEXT NOT NULL,
    key TEXT NOT NULL,
    qty TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (bot, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE cash (
    asset TEXT PRIMARY KEY,
    amount TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    equity TEXT NOT NULL,
    cash TEXT NOT NULL,
    crypto TEXT NOT NULL,
    leveraged TEXT NOT NULL,
    gross TEXT NOT NULL,
    crypto_cap TEXT NOT NULL,
    leveraged_cap TEXT NOT NULL
) STRICT;

CREATE TABLE baselines (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    period TEXT NOT NULL,
    label TEXT NOT NULL,
    equity TEXT NOT NULL
) STRICT;

CREATE TABLE breakers (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    breaker TEXT NOT NULL,
    is_tripped INTEGER NOT NULL,
    value TEXT NOT NULL,
    "limit" TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;

CREATE TABLE locks (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    key TEXT NOT NULL,
    loss TEXT NOT NULL,
    "limit" TEXT NOT NULL,
    until_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE tiers (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    earned TEXT NOT NULL,
    wins INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    win_rate TEXT NOT NULL,
    month_return TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;

CREATE TABLE states (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    why TEXT NOT NULL,
    who TEXT NOT NULL
) STRICT;

CREATE TABLE resumes (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    equity TEXT NOT NULL
) STRICT;

CREATE TABLE plans (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    plan_id TEXT NOT NULL,
    status TEXT NOT NULL,
    "group" TEXT NOT NULL,
    stage INTEGER NOT NULL,
    ceiling TEXT NOT NULL,
    exposure TEXT NOT NULL,
    deadline_ns INTEGER NOT NULL,
    why TEXT NOT NULL
) STRICT;

CREATE TABLE unprotected (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    key TEXT NOT NULL,
    since_ns INTEGER NOT NULL,
    why TEXT NOT NULL
) STRICT;

CREATE TABLE notes (
    seq INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
