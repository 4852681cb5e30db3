"""Market data for bots, in a process of its own that may end without an account noticing."""
