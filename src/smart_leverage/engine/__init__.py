"""What now? One event in, one outcome out."""
