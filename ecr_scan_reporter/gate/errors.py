"""What AWS refuses, in words that name the operation and so the permission to look for."""

from __future__ import annotations

from chalicelib.aws.errors import reason_of


def wording_of(error: Exception) -> str:
    """Such as ``StartImageScan refused (AccessDeniedException)``."""
    operation = getattr(error, "operation_name", "")
    return f"{operation} {reason_of(error)}".strip()
