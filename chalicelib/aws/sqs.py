"""Amazon SQS: the queue of scan jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from chalicelib.runtime.batches import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )


BATCH_SIZE = 10
"""The most messages that SendMessageBatch takes."""

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

        Every batch is tried before an error is raised, so that one bad entry holds up no other.

        :raises NotSent: when some jobs were not taken after all attempts.
        """
        delays = [delay_seconds] * len(jobs) if isinstance(delay_seconds, int) else delay_seconds
        delayed = list(zip(jobs, delays, strict=True))
        refused = [
            f"{job.repository} ({error['Code']})"
            for batch in batches(delayed, BATCH_SIZE)
            for job, error in self._send_batch(batch)
        ]
        if refused:
            raise NotSent(refused, len(jobs))

    def _send_batch(
        self, delayed: Sequence[tuple[Job, int]]
    ) -> Iterator[tuple[Job, BatchResultErrorEntryTypeDef]]:
        """Send up to ten jobs, each with its delay; yields those refused for good, and why."""
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(index), "MessageBody": job.to_json(), "DelaySeconds": delay}
            for index, (job, delay) in enumerate(delayed)
        ]
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(2.0 ** (attempt - 2))
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            failed = {error["Id"]: error for error in answer.get("Failed", ())}
            # The sender's own fault does not go away by sending the same again.
            again = {entry for entry, error in failed.items() if not error["SenderFault"]}
            if attempt == _ATTEMPTS - 1:
                again = set()
            yield from (
                (delayed[int(entry)][0], error)
                for entry, error in failed.items()
                if entry not in again
            )
            entries = [entry for entry in entries if entry["Id"] in again]
            if not entries:
                return
