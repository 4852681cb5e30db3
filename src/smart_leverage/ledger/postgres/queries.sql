-- What only a server is asked, by name.

-- The writer of this epoch holds the row until its commit; whoever takes over waits for that, and
-- changes it. The number of the process tells when another session answers, as behind a pooler.
-- name: own_epoch
SELECT epoch, pg_backend_pid() FROM writer FOR UPDATE;

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
