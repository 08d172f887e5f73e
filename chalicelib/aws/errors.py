"""What an AWS call's error means, by the code that the service gave it."""

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.runtime.backoff import Backoff, Throttled

Answer = TypeVar("Answer")

AWS_ERRORS = (ClientError, BotoCoreError)
"""What a call raises: the service's answer, or that none came."""

# Each service has words of its own. LimitExceededException is none of them: by it ECR says that an
# image was scanned within a day, and others that there may be no more of something.
_THROTTLING = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "Throttled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "EC2ThrottledException",
        "KmsThrottled",
        "KMSThrottling",
        "KMSThrottlingException",
    }
)
_TOO_MANY_REQUESTS = 429


def code_of(error: ClientError) -> str:
    """The service's error code, such as ``ImageNotFoundException``."""
    return error.response.get("Error", {}).get("Code", "")


def is_throttling(error: Exception) -> bool:
    """Whether the service asked for a slower pace."""
    if not isinstance(error, ClientError):
        return False
    return code_of(error) in _THROTTLING or _status_of(error) == _TOO_MANY_REQUESTS


def or_throttled(function: Callable[..., Answer], *arguments: Any) -> Answer:
    """What a call returns; :raises Throttled: where its service asked for a slower pace."""
    try:
        return function(*arguments)
    except ClientError as error:
        if is_throttling(error):
            raise Throttled(str(error)) from error
        raise


def waiting(backoff: Backoff) -> Callable[..., Any]:
    """Calls by which throttling is waited out: of a function, with its arguments."""
    return lambda function, *arguments: backoff.call(or_throttled, function, *arguments)


def may_pass(error: Exception) -> bool:
    """Whether the same call may go well at once: no answer came, or the service was at fault."""
    if not isinstance(error, ClientError):
        return True
    return _status_of(error) >= _AT_FAULT


def _status_of(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


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
