"""Our own routes: what would happen, why something happened, and signals that want an order."""
