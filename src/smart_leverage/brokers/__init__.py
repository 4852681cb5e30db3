"""Who executes? Brokers behind one protocol."""
