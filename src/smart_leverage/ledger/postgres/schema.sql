-- What a ledger has on a server beside the tables of every ledger.

-- name: home
-- Whose ledger it is; where it went when it was moved away, after which nobody may write it here;
-- and who opened it last for writing.
CREATE TABLE home (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    account TEXT NOT NULL,
    moved_to TEXT NOT NULL,
    owner TEXT NOT NULL
) STRICT;

-- name: guards
-- An entry that is there stays as it is.
CREATE FUNCTION :schema.journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;
CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON :schema.journal
FOR EACH STATEMENT EXECUTE FUNCTION :schema.journal_is_append_only();

-- name: promise
-- From which place the account is run, and how long whoever runs it may go on there without its
-- session. `is_over` says that it ended by itself: nothing is sent from there any more.
CREATE TABLE promise (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    place TEXT NOT NULL,
    owner TEXT NOT NULL,
    refuge_ms INTEGER NOT NULL,
    is_over INTEGER NOT NULL
) STRICT;
