"""Amazon EventBridge: the bus on which findings' events are put."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.errors import is_throttling
from chalicelib.runtime.backoff import Throttled
from chalicelib.runtime.batches import batches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.runtime.backoff import Backoff

SOURCE = "ecr-scan-reporter"

BATCH_SIZE = 10
"""The most events that PutEvents takes at once."""

_PASSING = {"ThrottlingException", "InternalFailure", "InternalException"}


class EventsNotPut(Exception):
    """The bus refused events: says why."""


class EventBus:
    """A bus, by its ARN."""

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def put(self, events: Sequence[tuple[str, Mapping[str, Any]]], backoff: Backoff) -> None:
        """Put events, each a detail type and a detail, ten a call. Source: PutEvents.

        What is refused for the moment is put again.

        :raises EventsNotPut: when the bus refuses one for good.
        """
        for batch in batches(list(events), BATCH_SIZE):
            entries = [
                {
                    "Source": SOURCE,
                    "DetailType": kind,
                    "Detail": json.dumps(detail),
                    "EventBusName": self._arn,
                }
                for kind, detail in batch
            ]
            while entries:
                entries = backoff.call(self._put, entries)

    def _put(self, entries: list[Any]) -> list[Any]:
        """Put a batch; returns what is to be put again."""
        try:
            answer = self._client.put_events(Entries=entries)
        except ClientError as error:
            if is_throttling(error):
                raise Throttled(str(error)) from error
            raise
        refused = [
            (entry, result)
            for entry, result in zip(entries, answer["Entries"], strict=True)
            if result.get("ErrorCode")
        ]
        for _, result in refused:
            if result["ErrorCode"] not in _PASSING:
                raise EventsNotPut(f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}")
        if len(refused) == len(entries):
            raise Throttled(refused[0][1]["ErrorCode"])
        return [entry for entry, _ in refused]
