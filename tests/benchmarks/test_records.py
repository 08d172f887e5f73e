"""The benchmark's table, through the application's own adapter of DynamoDB."""

import pytest

from benchmarks.cloud import START, Cloud, World, repository_name
from benchmarks.records import RecordsTable
from chalicelib.aws.dynamodb import Table
from chalicelib.aws.scan_records import ScanRecords
from chalicelib.ecr.scan_records import NEVER, ScanRecord
from chalicelib.policy.durations import Duration
from local.cloud.faults import EcrError

PLACE = f"123456789012/eu-west-1/{repository_name(0)}"


class Client:
    """boto3's client of DynamoDB, without the HTTP between."""

    def __init__(self, table):
        self._table = table

    def query(self, *, TableName, **request):  # noqa: N803
        return self._table.answer("Query", request)

    def batch_get_item(self, **request):
        return self._table.answer("BatchGetItem", request)

    def batch_write_item(self, **request):
        return self._table.answer("BatchWriteItem", request)


def records(table):
    return ScanRecords(Table(Client(table), "history"), Duration.parse("7d"))


def test_records_are_read_as_they_were_kept_however_many_there_are():
    table = RecordsTable()
    kept = {f"sha256:{number:064}": ScanRecord(number, "COMPLETE") for number in range(9_000)}
    records(table).keep(PLACE, kept)
    assert records(table).of_repository(PLACE) == kept
    assert records(table).of_images(PLACE, [*kept][:150]) == dict([*kept.items()][:150])
    assert table.calls == {"BatchWriteItem": 360, "Query": 3, "BatchGetItem": 2}
    # A record is written and read for itself, and many are read together: 20 in one unit.
    assert table.units["write"] == 9_000
    assert 75 + 9_000 / 40 < table.units["read"] < 75 + 9_000 / 20


@pytest.mark.parametrize("remembered", [True, False])
def test_an_application_that_was_there_before_remembers_every_scan(remembered):
    cloud = Cloud(World(2, 3, "mixed", remembered=remembered))
    found = records(cloud.table).of_repository(PLACE)
    fresh, stale = int(START.timestamp()) - 2 * 86_400, int(START.timestamp()) - 10 * 86_400
    expected = [ScanRecord(fresh, "COMPLETE"), ScanRecord(stale, "COMPLETE"), NEVER]
    assert list(found.values()) == (expected if remembered else [])


def test_an_operation_that_the_benchmark_does_not_need_is_an_error():
    with pytest.raises(EcrError, match="no DeleteTable"):
        RecordsTable().answer("DeleteTable", {})
