"""Clients without HTTP, for the tests that need thousands of calls."""

from collections import deque
from types import SimpleNamespace

from chalicelib.scanning.jobs import ScanJob
from local.direct import DirectEcr


class Stopped(BaseException):
    """The function was stopped from outside, as at its time-out."""


class EcrClient(DirectEcr):
    """The calls of boto3's ECR client, answered by a LocalRegistry.

    ``stops_after`` is after how many more calls the function is stopped; the last one still
    takes effect, but its answer is never seen.
    """

    stops_after = None
    meta = SimpleNamespace(region_name="eu-west-1")

    def answer(self, operation, request):
        if self.stops_after == 0:
            raise Stopped
        try:
            return super().answer(operation, request)
        finally:
            if self.stops_after is not None:
                self.stops_after -= 1
                if self.stops_after == 0:
                    raise Stopped


class Records:
    """The records of scans, kept by digest; a function that is stopped keeps nothing any more."""

    def __init__(self, ecr):
        self.records = {}
        self._ecr = ecr

    def of_repository(self, place):
        return dict(self.records)

    def of_images(self, place, digests):
        return {digest: self.records[digest] for digest in digests if digest in self.records}

    def keep(self, place, records):
        if self._ecr.stops_after == 0:
            raise Stopped
        self.records |= records


class InTurn:
    """Calls that are made one after the other, in place of threads.

    While there is nothing to wait for, the time of ``clock`` passes as the pause says.
    """

    def __init__(self, most, sleep, clock=None):
        self.most = most
        self.under_way = 0
        self._sleep = sleep
        self._clock = clock
        self._answers = deque()

    def begin(self, call):
        self._answers.append(call())
        self.under_way += 1

    def answer(self, seconds):
        if not self._answers:
            self._sleep(seconds)
            if self._clock:
                self._clock.now += seconds
            return None
        self.under_way -= 1
        return self._answers.popleft()

    def close(self):
        self._answers.clear()


class Clock:
    """Moments that pass when they are told to."""

    now = 0.0

    def __call__(self):
        return self.now


class Messages:
    """The call of boto3's SQS client that sends; ``jobs`` are those waiting."""

    def __init__(self, jobs):
        self.jobs = list(jobs)

    def send_message_batch(self, *, QueueUrl, Entries):  # noqa: N803
        self.jobs += [ScanJob.from_json(entry["MessageBody"]) for entry in Entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}
