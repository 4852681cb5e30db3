-- Every statement the ledger runs, by name. A row of VALUES may be repeated for many rows at once.

-- name: schema_version
SELECT version FROM ledger_schema;

-- name: set_schema_version
UPDATE ledger_schema SET version = ?;

-- name: raise_epoch
UPDATE writer SET epoch = epoch + 1 RETURNING epoch;

-- name: epoch
SELECT epoch FROM writer;

-- Texts are read as bytes, so that even a journal with damaged letters can be walked.
-- name: entries_after
SELECT seq, epoch, utc_ns, CAST(kind AS BLOB), CAST(key AS BLOB), CAST(payload AS BLOB),
    prev_hash, hash
FROM journal WHERE seq > :after ORDER BY seq LIMIT :limit;

-- name: entries_about
SELECT seq, epoch, utc_ns, CAST(kind AS BLOB), CAST(key AS BLOB), CAST(payload AS BLOB),
    prev_hash, hash
FROM journal WHERE key = ? AND key <> '' ORDER BY seq;

-- name: last_entry
SELECT seq, epoch, utc_ns, CAST(kind AS BLOB), CAST(key AS BLOB), CAST(payload AS BLOB),
    prev_hash, hash
FROM journal ORDER BY seq DESC LIMIT 1;

-- name: hash_at
SELECT hash FROM journal WHERE seq = ?;

-- name: link_at
SELECT utc_ns, hash FROM journal WHERE seq = ?;

-- name: latest_after
SELECT max(utc_ns) FROM journal WHERE seq > ?;

-- name: first_since
SELECT seq FROM journal WHERE seq > ? AND utc_ns >= ? ORDER BY seq LIMIT 1;

-- name: entry_count
SELECT count(*) FROM journal;

-- name: insert_entry
INSERT INTO journal (seq, epoch, utc_ns, kind, key, payload, prev_hash, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_account
INSERT INTO accounts (seq, at_ns, account, mode, cash, risk_timezone, preset, policy, policy_hash,
    enforcement, version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_instrument
INSERT INTO instruments (seq, at_ns, key, asset_class, symbol, name, kind, underlying, factor,
    is_crypto, tick, lot, size_step, notional_min, fractionable, shortable, marginable,
    maintenance_rate_long, maintenance_rate_short, reference_price, version, is_proxy)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_adopted
INSERT INTO adopted (seq, at_ns, key, qty, price, bot)
VALUES (?, ?, ?, ?, ?, ?);

-- name: insert_flow
INSERT INTO flows (seq, at_ns, amount, source)
VALUES (?, ?, ?, ?);

-- name: insert_decision
INSERT INTO decisions (seq, at_ns, decision_id, bot, source, key, side, asked, allowed, given,
    price, verdict, reason, unit, bound, would_be, figures)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_order
INSERT INTO orders (client_order_id, bot, key, side, qty, type, time_in_force, limit_price,
    stop_price, order_class, take_profit, stop_loss, stop_loss_limit, trail_price, trail_percent,
    role, decision_id, reserve_price, intended_seq, intended_ns, moved_seq, moved_ns, state, status,
    filled_qty, broker_order_id, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intent', '', '0', '', '');

-- A move that does not know the broker's id keeps the one we have.
-- name: move_order
UPDATE orders SET state = moved.column2, status = moved.column3, filled_qty = moved.column4,
    broker_order_id = coalesce(nullif(moved.column5, ''), broker_order_id),
    reason = moved.column6, moved_seq = moved.column7, moved_ns = moved.column8
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?)) AS moved
WHERE client_order_id = moved.column1;

-- name: trail_order
UPDATE orders SET hwm = trailed.column2, stop_price = trailed.column3
FROM (VALUES (?, ?, ?)) AS trailed
WHERE client_order_id = trailed.column1;

-- name: cancel_order
UPDATE orders SET cancel_seq = asked.column2, cancel_reason = asked.column3
FROM (VALUES (?, ?, ?)) AS asked
WHERE client_order_id = asked.column1;

-- name: order_bot
SELECT bot FROM orders WHERE client_order_id = ?;

-- name: insert_fill
INSERT INTO fills (seq, at_ns, execution_id, client_order_id, bot, key, side, qty, price, fee,
    fee_asset, executed_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- An execution that was taken back, or in whose place another one counts by now.
-- name: remove_fill
DELETE FROM fills WHERE execution_id IN (VALUES (?));

-- name: order_filled
SELECT filled_qty FROM orders WHERE client_order_id = ?;

-- name: refill_order
UPDATE orders SET filled_qty = refilled.column2
FROM (VALUES (?, ?)) AS refilled
WHERE client_order_id = refilled.column1;

-- name: insert_posting
INSERT INTO postings (seq, leg, account, bot, asset, amount)
VALUES (?, ?, ?, ?, ?, ?);

-- name: set_position
INSERT INTO positions (bot, key, qty, seq)
VALUES (?, ?, ?, ?)
ON CONFLICT (bot, key) DO UPDATE SET qty = excluded.qty, seq = excluded.seq;

-- name: set_cash
INSERT INTO cash (asset, amount, seq)
VALUES (?, ?, ?)
ON CONFLICT (asset) DO UPDATE SET amount = excluded.amount, seq = excluded.seq;

-- name: insert_mark
INSERT INTO marks (seq, at_ns, equity, cash, crypto, leveraged, gross, crypto_cap, leveraged_cap)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_baseline
INSERT INTO baselines (seq, at_ns, period, label, equity)
VALUES (?, ?, ?, ?, ?);

-- name: insert_breaker
INSERT INTO breakers (seq, at_ns, breaker, is_tripped, value, "limit", why)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: insert_lock
INSERT INTO locks (seq, at_ns, key, loss, "limit", until_ns)
VALUES (?, ?, ?, ?, ?, ?);

-- name: insert_tier
INSERT INTO tiers (seq, at_ns, before, after, earned, wins, closed, win_rate, month_return, why)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_state
INSERT INTO states (seq, at_ns, before, after, why, who)
VALUES (?, ?, ?, ?, ?, ?);

-- name: insert_resume
INSERT INTO resumes (seq, at_ns, who, reason, equity)
VALUES (?, ?, ?, ?, ?);

-- name: insert_plan
INSERT INTO plans (seq, at_ns, plan_id, status, "group", stage, ceiling, exposure, deadline_ns,
    why)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_unprotected
INSERT INTO unprotected (seq, at_ns, key, since_ns, why)
VALUES (?, ?, ?, ?, ?);

-- name: insert_note
INSERT INTO notes (seq, at_ns, code, text)
VALUES (?, ?, ?, ?);

-- name: all_positions
SELECT bot, key, qty, seq FROM positions;

-- name: all_cash
SELECT asset, amount, seq FROM cash;

-- name: account
SELECT * FROM accounts ORDER BY seq DESC LIMIT 1;

-- name: instruments
SELECT * FROM instruments AS listed
WHERE seq = (SELECT max(seq) FROM instruments WHERE key = listed.key) ORDER BY key;

-- name: adopted
SELECT * FROM adopted ORDER BY seq;

-- name: flows
SELECT * FROM flows ORDER BY seq;

-- name: last_mark
SELECT * FROM marks ORDER BY seq DESC LIMIT 1;

-- name: marks
SELECT * FROM marks
WHERE seq > :after AND at_ns >= :since_ns AND at_ns < :until_ns ORDER BY seq LIMIT :limit;

-- name: decisions
SELECT * FROM decisions
WHERE (:verdict IS NULL OR verdict = :verdict)
    AND (:reason IS NULL OR reason = :reason)
    AND (:bot IS NULL OR bot = :bot)
    AND (:key IS NULL OR key = :key)
    AND seq < :before
ORDER BY seq DESC LIMIT :limit;

-- name: decision_by_seq
SELECT * FROM decisions WHERE seq = ?;

-- name: decision_by_id
SELECT * FROM decisions WHERE decision_id = ? ORDER BY seq DESC LIMIT 1;

-- name: orders
SELECT * FROM orders
WHERE (:bot IS NULL OR bot = :bot)
    AND (:key IS NULL OR key = :key)
    AND (:decision_id IS NULL OR decision_id = :decision_id)
    AND intended_seq < :before
ORDER BY intended_seq DESC LIMIT :limit;

-- name: open_orders
SELECT * FROM orders
WHERE state IN ('intent', 'unknown', 'open', 'pending_cancel', 'pending_replace')
ORDER BY intended_seq;

-- name: order
SELECT * FROM orders WHERE client_order_id = ?;

-- name: fills
SELECT * FROM fills
WHERE (:bot IS NULL OR bot = :bot)
    AND (:key IS NULL OR key = :key)
    AND seq > :after
ORDER BY seq LIMIT :limit;

-- name: fills_of_order
SELECT * FROM fills WHERE client_order_id = ? ORDER BY seq;

-- name: postings
SELECT * FROM postings WHERE seq = ? ORDER BY leg;

-- name: positions
SELECT * FROM positions WHERE bot = ? ORDER BY key;

-- name: baselines
SELECT * FROM baselines AS latest
WHERE seq = (SELECT max(seq) FROM baselines WHERE period = latest.period) ORDER BY period;

-- name: breakers
SELECT * FROM breakers AS latest
WHERE seq = (SELECT max(seq) FROM breakers WHERE breaker = latest.breaker) ORDER BY breaker;

-- name: breaker_moves
SELECT * FROM breakers WHERE seq < :before ORDER BY seq DESC LIMIT :limit;

-- name: locks
SELECT * FROM locks WHERE until_ns > ? ORDER BY seq;

-- name: tiers
SELECT * FROM tiers WHERE seq < :before ORDER BY seq DESC LIMIT :limit;

-- name: states
SELECT * FROM states WHERE seq < :before ORDER BY seq DESC LIMIT :limit;

-- name: resumes
SELECT * FROM resumes WHERE seq < :before ORDER BY seq DESC LIMIT :limit;

-- name: plans
SELECT * FROM plans AS latest
WHERE seq = (SELECT max(seq) FROM plans WHERE plan_id = latest.plan_id)
    AND seq < :before
ORDER BY seq DESC LIMIT :limit;

-- name: plan_moves
SELECT * FROM plans WHERE plan_id = ? ORDER BY seq;

-- name: unprotected
SELECT * FROM unprotected WHERE seq < :before ORDER BY seq DESC LIMIT :limit;

-- name: notes
SELECT * FROM notes WHERE (:code IS NULL OR code = :code) AND seq < :before
ORDER BY seq DESC LIMIT :limit;
