"""Many policies over the same bars: what is varied, who evaluates, and what came of it."""
