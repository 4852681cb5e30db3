"""A badly behaved bot against an account of the user's own configuration, on loopback only."""
