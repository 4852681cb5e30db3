"""Everything of a ledger as tables that other programs read."""
