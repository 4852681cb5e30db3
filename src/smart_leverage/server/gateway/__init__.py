"""The broker's own protocol, spoken to bots; it translates and holds no rule."""
