"""What is true? Exact frozen records, instruments, clock, calendars and errors."""
