"""Tools for development only: nothing in here is shipped."""
