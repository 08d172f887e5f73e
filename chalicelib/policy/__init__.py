"""The decisions, pure: what is due, selected, counted, accepted and new."""
