"""What happened? The append-only journal and its projections."""
