"""Texts from templates, and what all texts share."""
