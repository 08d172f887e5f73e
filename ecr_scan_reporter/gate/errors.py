"""What went wrong with AWS, in words that name the operation and so the permission to look for."""

from __future__ import annotations

from botocore.exceptions import ClientError

from chalicelib.aws.ecr import TokenExpired
from chalicelib.aws.errors import reason_of


def wording_of(error: Exception) -> str:
    """Such as ``StartImageScan refused (AccessDeniedException)``, without names and ARNs.

    Of what is no answer of AWS, such as credentials that are missing, what the error says itself.
    """
    if isinstance(error, ClientError):
        return f"{error.operation_name} {reason_of(error)}"
    if isinstance(error, TokenExpired):
        return "ECR no longer knows the token of a page"
    return str(error)
