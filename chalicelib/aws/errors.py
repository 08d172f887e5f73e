"""What an AWS call's error means, by the code that the service gave it."""

from botocore.exceptions import BotoCoreError, ClientError

AWS_ERRORS = (ClientError, BotoCoreError)
"""What a call raises: the service's answer, or that none came."""

_THROTTLING = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
    }
)


def code_of(error: ClientError) -> str:
    """The service's error code, such as ``ImageNotFoundException``."""
    return error.response.get("Error", {}).get("Code", "")


def is_throttling(error: ClientError) -> bool:
    """Whether the service asked for a slower pace."""
    return code_of(error) in _THROTTLING


_REFUSALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def is_refusal(error: Exception) -> bool:
    """Whether the service lets this application not do what it asked."""
    return isinstance(error, ClientError) and code_of(error) in _REFUSALS
