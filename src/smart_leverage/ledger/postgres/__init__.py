"""The ledger on a PostgreSQL server: the same journal, one writer per account, many accounts."""
