"""Reading many workloads, of which one that fails costs no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from chalicelib.aws.errors import code_of, is_throttling

if TYPE_CHECKING:
    from collections.abc import Iterator

Told = TypeVar("Told")

MOST_FAILURES_IN_A_ROW = 5
"""How many workloads fail one after the other before that is the whole source's matter."""

_DELETED = frozenset({"ResourceNotFoundException", "ClusterNotFoundException"})

# ECS's code for many reasons: only its message says that a task definition is not there.
_NO_DEFINITION = ("ClientException", "Unable to describe task definition")


def in_turn(*sources: Iterator[Told]) -> Iterator[Told]:
    """What each source tells, whether or not one before it fails.

    What is no service's answer, as that none came, ends it at once.

    :raises ClientError: at the end, the first failure, if there was any.
    """
    failure: ClientError | None = None
    for source in sources:
        try:
            yield from source
        except ClientError as error:
            failure = failure or error
    if failure is not None:
        raise failure


class EachWorkload:
    """Reads workloads one by one: skips those that were deleted, and goes on after others fail.

    What no workload is the reason of, as throttling or no answer, ends it at once.
    """

    def __init__(self) -> None:
        self._failure: ClientError | None = None
        self._in_a_row = 0

    def of_one(self, told: Iterator[Told]) -> Iterator[Told]:
        """What one of them tells, until it fails.

        :raises ClientError: when too many failed one after the other, or it is throttled.
        """
        while True:
            try:
                each = next(told)
            except StopIteration:
                self._in_a_row = 0
                return
            except ClientError as error:
                self._fail(error)
                return
            yield each

    def raise_failure(self) -> None:
        """Say at the end that some are missing.

        :raises ClientError: the first failure, if there was any.
        """
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: ClientError) -> None:
        if _is_deleted(error):
            return
        if is_throttling(error):
            raise error
        self._failure = self._failure or error
        self._in_a_row += 1
        if self._in_a_row >= MOST_FAILURES_IN_A_ROW:
            raise error


def _is_deleted(error: ClientError) -> bool:
    code, message = _NO_DEFINITION
    about = error.response.get("Error", {}).get("Message", "")
    return code_of(error) in _DELETED or (code_of(error) == code and about.startswith(message))
