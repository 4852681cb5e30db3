-- What only a server is asked, by name.

-- The writer of this epoch holds the row until its commit; whoever takes over waits for that, and
-- changes it. Another epoch, or another session than that of the lock, as behind a pooler, is a
-- division by zero: it fails the transaction without a round trip for the question.
-- name: hold_epoch
SELECT 1 / coalesce((SELECT (epoch = ? AND pg_backend_pid() = ?)::int FROM writer FOR UPDATE), 0);

-- name: own_epoch
SELECT epoch, pg_backend_pid() FROM writer;

-- name: last_seq
SELECT coalesce(max(seq), 0) FROM journal;

-- name: home
SELECT account, moved_to, owner FROM home;

-- name: set_owner
UPDATE home SET owner = ?;

-- name: set_moved_to
UPDATE home SET moved_to = ?;

-- name: insert_home
INSERT INTO home (one, account, moved_to, owner)
VALUES (1, ?, '', '');

-- name: promise
SELECT place, owner, refuge_ms, is_over FROM promise;

-- name: make_promise
INSERT INTO promise (one, place, owner, refuge_ms, is_over) VALUES (1, ?, ?, ?, 0)
ON CONFLICT (one) DO UPDATE SET place = excluded.place, owner = excluded.owner,
    refuge_ms = excluded.refuge_ms, is_over = 0;

-- name: end_promise
UPDATE promise SET is_over = 1 WHERE place = ?;
