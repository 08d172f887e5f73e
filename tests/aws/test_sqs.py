"""The queue of scan jobs."""

import boto3
import pytest
from botocore.stub import Stubber

from chalicelib.aws.sqs import MOST_BYTES, JobsQueue, NotSent
from chalicelib.scanning.jobs import ScanJob

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
JOBS = [ScanJob(f"repository-{number}") for number in range(12)]


@pytest.fixture
def sqs():
    client = boto3.client("sqs")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def entries(jobs, ids=None):
    return {
        "QueueUrl": URL,
        "Entries": [
            {"Id": entry, "MessageBody": job.to_json(), "DelaySeconds": 0}
            for entry, job in zip(ids or map(str, range(10)), jobs, strict=False)
        ],
    }


def answer(*failed, sender_fault=False):
    errors = [{"Id": entry, "Code": "Busy", "SenderFault": sender_fault} for entry in failed]
    return {"Successful": [], "Failed": errors}


def test_failed_entries_of_every_batch_are_sent_again(sqs):
    client, stubber = sqs
    stubber.add_response("send_message_batch", answer("1", "7"), entries(JOBS[:10]))
    retried = entries([JOBS[1], JOBS[7]], ["1", "7"])
    stubber.add_response("send_message_batch", answer(), retried)
    stubber.add_response("send_message_batch", answer("0"), entries(JOBS[10:]))
    stubber.add_response("send_message_batch", answer(), entries(JOBS[10:11]))
    pauses = []

    JobsQueue(client, URL, pauses.append).send(JOBS)

    assert pauses == [0.5, 0.5]


def test_what_is_not_taken_after_all_attempts_is_an_error_and_the_rest_is_sent(sqs):
    client, stubber = sqs
    stubber.add_response("send_message_batch", answer("3"), entries(JOBS[:10]))
    for _ in range(3):
        stubber.add_response("send_message_batch", answer("3"), entries(JOBS[3:4], ["3"]))
    stubber.add_response("send_message_batch", answer(), entries(JOBS[10:]))

    with pytest.raises(NotSent, match=r"1 of 12 jobs not sent: repository-3 \(Busy\)"):
        JobsQueue(client, URL, lambda _: None).send(JOBS)


def test_the_senders_own_fault_is_not_sent_again(sqs):
    client, stubber = sqs
    stubber.add_response("send_message_batch", answer("0", sender_fault=True), entries(JOBS[:1]))

    with pytest.raises(NotSent, match="1 of 1 jobs not sent: repository-0"):
        JobsQueue(client, URL).send(JOBS[:1])


def test_no_job_is_no_call(sqs):
    client, _ = sqs
    JobsQueue(client, URL).send([])


def test_a_call_that_fails_holds_up_no_other_batch(sqs):
    client, stubber = sqs
    stubber.add_client_error("send_message_batch", "AccessDenied", http_status_code=403)
    stubber.add_response("send_message_batch", answer(), entries(JOBS[10:]))

    with pytest.raises(NotSent, match=r"10 of 12 jobs not sent: .*repository-9 \(AccessDenied\)"):
        JobsQueue(client, URL, lambda _: None).send(JOBS)


@pytest.mark.parametrize(("code", "status"), [("KmsThrottled", 400), ("InternalError", 500)])
def test_a_call_that_may_go_well_is_made_again(sqs, code, status):
    client, stubber = sqs
    stubber.add_client_error("send_message_batch", code, http_status_code=status)
    stubber.add_response("send_message_batch", answer(), entries(JOBS[:10]))
    stubber.add_response("send_message_batch", answer(), entries(JOBS[10:]))

    JobsQueue(client, URL, lambda _: None).send(JOBS)


def test_messages_of_one_call_are_not_longer_together_than_sqs_takes():
    sent = []

    class Client:
        def send_message_batch(self, **request):
            sent.append([entry["MessageBody"] for entry in request["Entries"]])
            return {}

    sizes = (100_000, 150_000, 20_000, 250_000, *[1_000] * 12)
    jobs = [ScanJob("a", image_digests=("x" * size,)) for size in sizes]
    JobsQueue(Client(), URL).send(jobs)
    assert [body for batch in sent for body in batch] == [job.to_json() for job in jobs]
    assert max(sum(map(len, batch)) for batch in sent) <= MOST_BYTES
    assert [len(batch) for batch in sent] == [2, 1, 10, 3]
