"""What HTTP sees: the broker's own wire for bots, our native routes, and the desk."""
