"""What is allowed? Pure scalar rules and the one decision."""
