"""What an AWS call's error means, by the code that the service gave it."""

from botocore.exceptions import BotoCoreError, ClientError

AWS_ERRORS = (ClientError, BotoCoreError)
"""What a call raises: the service's answer, or that none came."""

_THROTTLING = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
    }
)


def code_of(error: ClientError) -> str:
    """The service's error code, such as ``ImageNotFoundException``."""
    return error.response.get("Error", {}).get("Code", "")


def is_throttling(error: Exception) -> bool:
    """Whether the service asked for a slower pace."""
    return isinstance(error, ClientError) and code_of(error) in _THROTTLING


def may_pass(error: Exception) -> bool:
    """Whether the same call may go well at once: no answer came, or the service was at fault."""
    if not isinstance(error, ClientError):
        return True
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _AT_FAULT


_AT_FAULT = 500
_REFUSALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def is_refusal(error: Exception) -> bool:
    """Whether the service lets this application not do what it asked."""
    return isinstance(error, ClientError) and code_of(error) in _REFUSALS


def is_unusable(error: Exception) -> bool:
    """Whether what was asked for is not there, or may not be used: no later try would differ."""
    is_missing = isinstance(error, ClientError) and code_of(error) == "ResourceNotFoundException"
    return is_missing or is_refusal(error)


def reason_of(error: Exception) -> str:
    """What went wrong, for people: the service's code, without its message's names and ARNs."""
    code = code_of(error) if isinstance(error, ClientError) else type(error).__name__
    return f"refused ({code})"
