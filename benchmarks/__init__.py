"""Simulations of what no test is fast enough for; none of it ships."""
