"""Look-ups that a report can do without, where the permission for them is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.aws.ecr import Registry
    from chalicelib.notifying.events import ScanResult
    from chalicelib.services import Services

Value = TypeVar("Value")


def looked_up(
    line: str,
    result: ScanResult,
    services: Services,
    otherwise: Value,
    look: Callable[[Registry], Value],
) -> Value:
    """What ECR says; ``otherwise`` of a repository that was deleted, or without the permission.

    The latter is logged by this ``line``.

    :raises ClientError: and others, for a later try may tell it.
    """
    try:
        return look(services.registry_of(result.address))
    except RepositoryDeleted:
        return otherwise
    except AWS_ERRORS as error:
        if not is_refusal(error):
            raise
        extra = {"repository": result.repository, "error": str(error)}
        logs.logger.warning(line, extra=extra)
        return otherwise
