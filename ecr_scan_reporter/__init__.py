"""The command line for a real account; none of it ships to Lambda."""
