"""What every function needs of its surroundings: logs, deadline, backoff, pace, patterns."""
