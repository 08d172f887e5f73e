"""The records of scans in the table, over real boto3 calls."""

import boto3
import pytest

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.scan_records import ScanRecords
from chalicelib.ecr.scan_records import ScanRecord, begun
from chalicelib.policy.durations import Duration

PLACE = "123456789012/eu-west-1/shop/api"
DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
DAY = 86_400


@pytest.fixture
def client(history_table):
    return boto3.client("dynamodb")


@pytest.fixture
def kept(client, history_table, clock):
    return lambda duration="7d": ScanRecords(
        Table(client, history_table, clock), Duration.parse(duration)
    )


@pytest.fixture
def records(kept):
    return kept()


def test_a_repositorys_records_come_back_as_they_were_kept(records):
    known = {
        DIGEST: ScanRecord(5, "COMPLETE"),
        OTHER: ScanRecord(7, "FAILED", "ScanError", failures=3, started=True),
        "sha256:never": ScanRecord(),
    }
    records.keep(PLACE, known)
    records.keep(f"{PLACE}-2", {DIGEST: ScanRecord(9, "COMPLETE")})
    assert records.of_repository(PLACE) == known
    assert records.of_images(PLACE, [OTHER, "sha256:unknown"]) == {OTHER: known[OTHER]}


def test_a_repository_of_many_images_is_read_in_few_calls(records, client):
    records.keep(PLACE, {f"sha256:{n:064d}": ScanRecord(n, "COMPLETE") for n in range(6_000)})
    calls = []
    client.meta.events.register("before-call.dynamodb.Query", lambda **_: calls.append(1))
    assert len(records.of_repository(PLACE)) == 6_000
    assert len(calls) <= 2


@pytest.mark.parametrize("ended_at", [10, 30])
def test_the_end_of_a_scan_stays_where_its_start_is_written_later(records, ended_at):
    before = ScanRecord(5, "COMPLETE")
    records.keep(PLACE, {DIGEST: before, OTHER: before})
    records.note_end(PLACE, DIGEST, ended_at, "FAILED", "ScanError")
    records.keep(PLACE, {DIGEST: begun(before, 10), OTHER: begun(before, 10)})
    assert records.of_repository(PLACE) == {
        DIGEST: ScanRecord(ended_at, "FAILED", "ScanError", failures=1),
        OTHER: begun(before, 10),
    }


def test_starts_are_read_again_a_hundred_a_call_and_look_ups_are_not(records, client):
    calls = []
    client.meta.events.register("before-call.dynamodb.BatchGetItem", lambda **_: calls.append(1))
    digests = [f"sha256:{n:064d}" for n in range(100)]
    records.keep(PLACE, {digest: ScanRecord(5, "COMPLETE") for digest in digests})
    assert calls == []
    records.keep(PLACE, {digest: begun(None, 10) for digest in digests})
    assert len(calls) == 1


@pytest.mark.parametrize("order", [(10, 20), (20, 10)])
def test_in_whatever_order_events_come_the_last_scan_is_known(records, order):
    for at in order:
        records.note_end(PLACE, DIGEST, at, "COMPLETE", "")
    assert records.of_repository(PLACE) == {DIGEST: ScanRecord(20, "COMPLETE")}


def test_an_event_that_comes_again_counts_no_second_failure(records):
    for at in (10, 10, 20, 10, 20):
        records.note_end(PLACE, DIGEST, at, "FAILED", "ScanError")
    assert records.of_repository(PLACE) == {DIGEST: ScanRecord(20, "FAILED", "ScanError", 2)}
    records.note_end(PLACE, DIGEST, 30, "COMPLETE", "")
    assert records.of_repository(PLACE) == {DIGEST: ScanRecord(30, "COMPLETE")}


def test_the_end_of_a_scan_is_noted_in_the_second_in_which_it_began(records):
    records.keep(PLACE, {DIGEST: begun(ScanRecord(1, "FAILED", failures=1), 20)})
    records.note_end(PLACE, DIGEST, 19, "COMPLETE", "")
    assert records.of_repository(PLACE)[DIGEST].started
    records.note_end(PLACE, DIGEST, 20, "FAILED", "")
    assert records.of_repository(PLACE) == {DIGEST: ScanRecord(20, "FAILED", failures=2)}


@pytest.mark.parametrize(
    ("duration", "days"), [("7d", 60), ("12h", 60), ("60d", 90), ("99999m", 430)]
)
def test_a_record_is_kept_for_longer_than_it_decides_anything(kept, client, clock, duration, days):
    kept(duration).keep(PLACE, {DIGEST: ScanRecord(5, "COMPLETE")})
    kept(duration).note_end(PLACE, OTHER, 5, "COMPLETE", "")
    items = client.scan(TableName="history")["Items"]
    assert {(int(item["expires_at"]["N"]) - clock.now) / DAY for item in items} == {days}
