"""Events on a bus: ten a call, what is refused for the moment again."""

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.event_bus import EventBus, EventsNotPut
from chalicelib.runtime.backoff import Backoff
from chalicelib.runtime.deadline import Deadline

ARN = "arn:aws:events:eu-west-1:123456789012:event-bus/findings"


class Client:
    """EventBridge, which refuses the first events with these codes."""

    def __init__(self, *codes):
        self.codes = list(codes)
        self.calls = []
        self.taken = []

    def put_events(self, **request):
        entries = request["Entries"]
        self.calls.append(len(entries))
        results = []
        for entry in entries:
            code = self.codes.pop(0) if self.codes else None
            if code == "raise":
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents")
            if code is None:
                self.taken.append(entry)
            results.append({"ErrorCode": code, "ErrorMessage": "no"} if code else {"EventId": "1"})
        return {"FailedEntryCount": 0, "Entries": results}


def put(client, count):
    backoff = Backoff(Deadline.unlimited(), sleep=lambda _: None)
    EventBus(client, ARN).put([("finding.opened", {"id": n}) for n in range(count)], backoff)
    return [entry["Detail"] for entry in client.taken]


def test_events_are_put_ten_a_call():
    client = Client()
    assert len(put(client, 23)) == 23
    assert client.calls == [10, 10, 3]
    assert client.taken[0] == {
        "Source": "ecr-scan-reporter",
        "DetailType": "finding.opened",
        "Detail": '{"id": 0}',
        "EventBusName": ARN,
    }


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure", "raise"])
def test_what_is_refused_for_the_moment_is_put_again(code):
    client = Client(None, code) if code != "raise" else Client(code)
    assert sorted(put(client, 3)) == ['{"id": 0}', '{"id": 1}', '{"id": 2}']


def test_what_is_refused_for_good_is_an_error():
    with pytest.raises(EventsNotPut, match="NotAuthorizedForSourceException: no"):
        put(Client("NotAuthorizedForSourceException"), 1)


def test_an_answer_that_is_no_throttling_is_an_error():
    class Refusing(Client):
        def put_events(self, **request):
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutEvents")

    with pytest.raises(ClientError, match="ResourceNotFound"):
        put(Refusing(), 1)


def test_events_that_are_all_refused_for_the_moment_wait_for_their_time():
    client = Client(*["ThrottlingException"] * 3)
    assert len(put(client, 3)) == 3
    assert client.calls == [3, 3]
