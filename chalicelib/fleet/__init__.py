"""The fleet report: the open findings of all repositories, as a digest and on the command line."""
