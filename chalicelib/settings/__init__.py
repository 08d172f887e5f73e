"""What an operator can set: the settings, the parsers of their values, and documents."""
