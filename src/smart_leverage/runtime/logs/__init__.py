"""The log of a process: JSON lines in the folder of its run, readable ones on a terminal."""
