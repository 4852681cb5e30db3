"""The services through which people are reached, each behind one interface."""
