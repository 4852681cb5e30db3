"""What are the prices? Bars from files and a synthetic market."""
