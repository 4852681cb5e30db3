"""The pages of the desk: what the ledger says, for people, as it happens."""
