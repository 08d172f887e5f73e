"""The boto3 clients: made when first used, once a container."""

from functools import cache
from typing import Any


@cache
def client(service: str) -> Any:
    """The client of a service, in the function's own region."""
    # Imported here because it is the slowest part of a cold start, and packaging needs none of it.
    import boto3

    return client_of(boto3.Session(), service)


def client_of(session: Any, service: str) -> Any:
    """The client of a service, from a boto3 session.

    Its own retries are few and its time-outs short, so that a call ends well before the function
    is stopped; the scanner waits out throttling itself, within the time it has left.
    """
    from botocore.config import Config

    # The newer retry modes take ECR's LimitExceededException, which a second scan within a day
    # meets, for throttling, and would ask again in vain for each such image.
    config = Config(
        connect_timeout=3, read_timeout=10, retries={"mode": "legacy", "total_max_attempts": 3}
    )
    return session.client(service, config=config)
