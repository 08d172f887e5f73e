"""Amazon SQS: the queue of scan jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from botocore.exceptions import ClientError

from chalicelib.aws.errors import AWS_ERRORS, code_of, is_throttling, may_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )


BATCH_SIZE = 10
"""The most messages that SendMessageBatch takes."""

MOST_BYTES = 262_144
"""The most that these have together, and that one has: more only in queues made since 2025-08."""

_ATTEMPTS = 4


class Job(Protocol):
    """What a message says."""

    @property
    def repository(self) -> str:
        """What the job is for, in the words of errors."""
        ...

    def to_json(self) -> str:
        """The message's body."""
        ...


class NotSent(Exception):
    """Messages that the queue did not take: says how many, which and why.

    ``refused`` names each.
    """

    def __init__(self, refused: Sequence[str], jobs: int) -> None:
        super().__init__(f"{len(refused)} of {jobs} jobs not sent: {', '.join(refused)}")
        self.refused = refused


class JobsQueue:
    """The queue between the lister and the scanner."""

    def __init__(
        self, client: SQSClient, url: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._url = url
        self._sleep = sleep

    def send(self, jobs: Sequence[Job], delay_seconds: int | Sequence[int] = 0) -> None:
        """Send the jobs, ten a call; entries that fail are sent again. Source: SendMessageBatch.

        ``delay_seconds`` is how long they wait until they are delivered: all as long, or each its
        own time.

        Every batch is tried before an error is raised, so that one bad entry, or one call that
        fails, holds up no other.

        :raises NotSent: when some jobs were not taken after all attempts.
        """
        delays = [delay_seconds] * len(jobs) if isinstance(delay_seconds, int) else delay_seconds
        delayed = (
            _Delayed(job, job.to_json(), delay) for job, delay in zip(jobs, delays, strict=True)
        )
        refused = [
            f"{job.repository} ({error['Code']})"
            for batch in _batches(delayed)
            for job, error in self._send_batch(batch)
        ]
        if refused:
            raise NotSent(refused, len(jobs))

    def _send_batch(
        self, delayed: Sequence[_Delayed]
    ) -> Iterator[tuple[Job, BatchResultErrorEntryTypeDef]]:
        """Send up to ten jobs; yields those refused for good, and why."""
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(index), "MessageBody": each.body, "DelaySeconds": each.delay}
            for index, each in enumerate(delayed)
        ]
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(2.0 ** (attempt - 2))
            failed = {error["Id"]: error for error in self._failed(entries)}
            # The sender's own fault does not go away by sending the same again.
            again = {entry for entry, error in failed.items() if not error["SenderFault"]}
            if attempt == _ATTEMPTS - 1:
                again = set()
            yield from (
                (delayed[int(entry)].job, error)
                for entry, error in failed.items()
                if entry not in again
            )
            entries = [entry for entry in entries if entry["Id"] in again]
            if not entries:
                return

    def _failed(
        self, entries: list[SendMessageBatchRequestEntryTypeDef]
    ) -> list[BatchResultErrorEntryTypeDef]:
        """Send entries; what fails as a whole fails for each of them."""
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except AWS_ERRORS as error:
            code = code_of(error) if isinstance(error, ClientError) else type(error).__name__
            lasting = not (may_pass(error) or is_throttling(error))
            return [{"Id": entry["Id"], "Code": code, "SenderFault": lasting} for entry in entries]
        return answer.get("Failed", [])


class _Delayed(NamedTuple):
    job: Job
    body: str
    delay: int


def _batches(delayed: Iterable[_Delayed]) -> Iterator[list[_Delayed]]:
    """As many at a time as one call takes, by number and by bytes."""
    batch: list[_Delayed] = []
    room = MOST_BYTES
    for each in delayed:
        size = len(each.body.encode())
        if len(batch) == BATCH_SIZE or (batch and size > room):
            yield batch
            batch, room = [], MOST_BYTES
        batch.append(each)
        room -= size
    if batch:
        yield batch
