"""The boto3 clients: made when first used, once a container."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.config import Config

    from chalicelib.ecr.registries import Role


MOST_CONNECTIONS = 16
"""How many calls a client makes at once; as many connections are kept."""

ATTEMPTS = 3
"""How often botocore attempts a call, unless the caller sees to that."""


MOST_CLIENTS = 32
"""How many clients are kept; where there are many registries, one is made again when needed."""

_MOST_ROLES = 256


@lru_cache(MOST_CLIENTS)
def client(
    service: str, region: str | None = None, role: Role | None = None, attempts: int = ATTEMPTS
) -> Any:
    """The client of a service, in the function's own region and account or in others."""
    return client_of(_own_session(), service, region, role, attempts)


@cache
def _own_session() -> Any:
    # Imported here because it is the slowest part of a cold start, and packaging needs none of it.
    import boto3

    return boto3.Session()


def client_of(
    session: Any,
    service: str,
    region: str | None = None,
    role: Role | None = None,
    attempts: int = ATTEMPTS,
) -> Any:
    """The client of a service, from a boto3 session or from a role that the session assumes.

    Its own retries are few and its time-outs short, so that a call ends well before the function
    is stopped; it slows down when it is throttled, and the scanner waits out what remains, within
    the time it has left.
    """
    from botocore.config import Config

    # The newer retry modes take ECR's LimitExceededException, which a second scan within a day
    # meets, for throttling, and would ask again in vain for each such image.
    config = Config(
        connect_timeout=3,
        read_timeout=10,
        max_pool_connections=MOST_CONNECTIONS,
        retries={"mode": "legacy", "total_max_attempts": attempts},
    )
    if service == "s3":
        config = config.merge(_for_links())
    if role is not None:
        session = _assuming(session, role)
    return session.client(service, region_name=region, config=config)


def _for_links() -> Config:
    """What makes links to objects work in every region, and where a KMS key encrypts them.

    By default the signature is the older one, which S3 refuses with KMS, and the host the one of
    all regions, which sends readers of a new bucket elsewhere, where the signature is wrong.
    """
    from botocore.config import Config

    return Config(signature_version="s3v4", s3={"addressing_style": "virtual"})


@lru_cache(_MOST_ROLES)
def _assuming(session: Any, role: Role) -> Any:
    """A session with a role's credentials, got when first used and again before they expire.

    All clients of an account share it.

    Source: STS AssumeRole.
    """
    import boto3
    import botocore.session
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    arguments = {"RoleSessionName": "ecr-scan-reporter"}
    if role.external_id is not None:
        arguments["ExternalId"] = role.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,
        source_credentials=session.get_credentials(),
        role_arn=role.arn,
        extra_args=arguments,
    )
    assumed = botocore.session.Session()
    # What is read of the services is shared, some ten megabytes for each account else.
    assumed.register_component("data_loader", session._session.get_component("data_loader"))
    # botocore offers no public way to hand a session credentials that refresh themselves.
    assumed._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        fetcher.fetch_credentials, method="assume-role"
    )
    return boto3.Session(botocore_session=assumed, region_name=session.region_name)
