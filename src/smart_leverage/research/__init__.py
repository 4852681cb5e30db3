"""What if? The policy as machine code, over history."""
