"""Drives notifications beside an account: reads its ledger, tells people, disturbs nobody."""
