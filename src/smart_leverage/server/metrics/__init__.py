"""What both processes say of themselves to a monitoring system, in the words of one catalogue."""
