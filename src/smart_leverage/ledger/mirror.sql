-- What the copy of a ledger beside its account is asked, by name.

-- name: tables
-- Where the durable part of the copy ends when its owner went on without the server, how long that
-- was allowed, and since when. What lies behind it was on its way, and nobody knows whether it came.
CREATE TABLE refuge (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    base_seq INTEGER NOT NULL,
    base_hash BLOB NOT NULL,
    boot TEXT NOT NULL,
    boot_ns INTEGER NOT NULL,
    utc_ns INTEGER NOT NULL,
    lasts_ms INTEGER NOT NULL
) STRICT;

-- name: refuge
SELECT base_seq, base_hash, boot, boot_ns, utc_ns, lasts_ms FROM refuge;

-- name: open_refuge
INSERT OR REPLACE INTO refuge (one, base_seq, base_hash, boot, boot_ns, utc_ns, lasts_ms)
VALUES (1, ?, ?, ?, ?, ?, ?);

-- name: close_refuge
DELETE FROM refuge;

-- name: drop_entries
DELETE FROM journal WHERE seq > ?;

-- name: drop_states
DELETE FROM states WHERE seq > ?;

-- name: drop_notes
DELETE FROM notes WHERE seq > ?;
