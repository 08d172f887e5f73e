"""Structured logs and the metrics in them."""

import json
from types import SimpleNamespace

import pytest

from chalicelib.runtime import logs


def test_a_line_is_json_with_level_time_and_request(logged):
    logs.of_request(SimpleNamespace(aws_request_id="c1f2"))

    [line] = logged(lambda: logs.logger.warning("careful", extra={"repository": "shop/api"}))

    assert line.pop("timestamp")
    assert line == {
        "level": "WARNING",
        "message": "careful",
        "repository": "shop/api",
        "request_id": "c1f2",
    }


def test_an_exception_is_one_line(logged):
    def fail():
        try:
            raise ValueError("wrong")
        except ValueError:
            logs.logger.exception("failed")

    [line] = logged(fail)
    assert "ValueError: wrong" in line["exception"]


def test_lines_below_the_level_are_left_out(logged):
    assert logged(lambda: logs.logger.debug("detail")) == []


@pytest.mark.parametrize("level", ["DEBUG", "WARNING", "ERROR"])
def test_metrics_do_not_depend_on_the_level(capsys, level):
    logs.configure(level)
    logs.summary("done", {"ImagesSeen": 3})
    logs.count("ScansFailed", 1)
    summary, count = map(json.loads, capsys.readouterr().out.splitlines())
    assert (summary["level"], summary["message"], summary["ImagesSeen"]) == ("INFO", "done", 3)
    assert count["ScansFailed"] == 1
    assert all("CloudWatchMetrics" in line["_aws"] for line in (summary, count))


def test_a_summary_carries_its_counts_as_metrics(logged):
    [line] = logged(lambda: logs.summary("done", {"ImagesSeen": 3}, repository="shop/api"))

    assert (line["message"], line["ImagesSeen"], line["repository"]) == ("done", 3, "shop/api")
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert line["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "EcrScanReporter",
            "Dimensions": [[]],
            "Metrics": [{"Name": "ImagesSeen", "Unit": "Count"}],
        }
    ]


def test_a_count_by_reason_is_a_metric_with_that_dimension(logged):
    [line] = logged(lambda: logs.count("ImagesSkipped", 4, Reason="archived"))

    assert (line["ImagesSkipped"], line["Reason"]) == (4, "archived")
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Reason"]]
