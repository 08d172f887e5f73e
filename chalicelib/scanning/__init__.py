"""Lister, planner and scanner: from a schedule or a request to the scans that are due."""
