"""What is shown? Reports made from the ledger alone."""
