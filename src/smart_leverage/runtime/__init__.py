"""How does it run? Commit loop, recovery and drivers."""
