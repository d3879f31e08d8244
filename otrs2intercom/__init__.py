"""The front door: the command line, and what needs both sides at once."""
