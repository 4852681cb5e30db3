"""What do the fills add up to? Positions, lots, trades, baselines and statistics."""
