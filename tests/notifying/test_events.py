"""What ECR tells when a scan has ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.notifying.events import EventError, ScanResult
from tests.events import DIGEST, inspector_finding, inspector_scan, scan_event


def without(event, *path):
    *parents, key = path
    inner = event
    for parent in parents:
        inner = inner[parent]
    del inner[key]
    return event


def test_the_documented_event_is_read():
    result = ScanResult.from_event(scan_event(**{"image-tags": ["1.0", "latest"]}))

    assert result == ScanResult(
        account="123456789012",
        region="eu-west-1",
        repository="my-repository-name",
        image_digest=DIGEST,
        image_tags=("1.0", "latest"),
        status="COMPLETE",
        severity_counts={"CRITICAL": 10, "MEDIUM": 9},
        time="2019-10-29T02:36:48Z",
        event_id="85fc3613-e913-7fc4-a80c-a3753e4aa9ae",
    )
    assert not result.failed


@pytest.mark.parametrize("absent", ["finding-severity-counts", "image-tags"])
def test_a_failed_scans_event_may_lack_counts_and_an_untagged_images_tags(absent):
    event = without(scan_event(**{"scan-status": "FAILED"}), "detail", absent)
    assert ScanResult.from_event(event).failed


@pytest.mark.parametrize(
    "path",
    [
        ("account",),
        ("region",),
        ("time",),
        ("detail",),
        ("detail", "repository-name"),
        ("detail", "image-digest"),
        ("detail", "scan-status"),
    ],
)
def test_a_missing_key_is_named(path):
    with pytest.raises(EventError, match=f"^{'.'.join(path)} is missing$"):
        ScanResult.from_event(without(scan_event(), *path))


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        ({"repository-name": 5}, "detail.repository-name is 5; accepted: a string"),
        ({"finding-severity-counts": []}, "detail.finding-severity-counts is"),
        ({"finding-severity-counts": {"HIGH": "3"}}, "counts.HIGH is '3'; accepted: a whole"),
        ({"finding-severity-counts": {"HIGH": -1}}, "counts.HIGH is -1"),
        ({"image-tags": "latest"}, "detail.image-tags is 'latest'; accepted: a list"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(detail, message):
    with pytest.raises(EventError, match=message):
        ScanResult.from_event(scan_event(**detail))


@pytest.mark.parametrize("counts", [None, {"HIGH": None}, {"CRITICAL": 1, "HIGH": None}])
def test_counts_that_are_null_are_not_known(counts):
    result = ScanResult.from_event(scan_event(**{"finding-severity-counts": counts}))
    assert (result.severity_counts, result.number, result.counts_known) == (None, None, False)


def test_counts_that_are_not_there_are_not_known_and_an_empty_object_says_that_there_are_none():
    absent = without(scan_event(), "detail", "finding-severity-counts")
    assert ScanResult.from_event(absent).number is None
    assert ScanResult.from_event(scan_event(**{"finding-severity-counts": {}})).number == 0


@pytest.mark.parametrize(
    ("counts", "number", "unlisted"),
    [
        ({"CRITICAL": 7, "HIGH": 61, "MEDIUM": 62, "TOTAL": 158}, 158, 28),
        ({"CRITICAL": 0, "HIGH": 0, "MEDIUM": 0, "TOTAL": 2}, 2, 2),
        ({"CRITICAL": 0, "HIGH": 1, "MEDIUM": 2, "TOTAL": 3}, 3, 0),
        ({"CRITICAL": 0, "HIGH": 0, "MEDIUM": 0, "TOTAL": 0}, 0, 0),
        ({"HIGH": 3, "TOTAL": 1}, 3, 0),
    ],
)
def test_what_is_in_inspectors_total_alone_is_of_an_unknown_severity(counts, number, unlisted):
    result = ScanResult.from_event(inspector_scan(**{"finding-severity-counts": counts}))
    assert (result.number, result.unlisted) == (number, unlisted)
    assert result.counts_known is (unlisted == 0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_other_event_is_a_clear_error(event):
    with pytest.raises(EventError):
        ScanResult.from_event(event)


@pytest.mark.parametrize("time", ["yesterday", "2019-10-29T02:36:48", "2019-13-29T02:36:48Z"])
def test_a_time_that_is_none_or_has_no_zone_is_named(time):
    event = scan_event() | {"time": time}
    with pytest.raises(EventError, match=f"^time is '{time}'; accepted: a date and time with"):
        ScanResult.from_event(event)


@pytest.mark.parametrize("resources", [[], {}, None])
def test_a_finding_of_nothing_is_named(resources):
    event = inspector_finding("HIGH") | {"time": "2019-10-29T02:36:48Z"}
    event["detail"]["resources"] = resources
    with pytest.raises(EventError, match="^detail.resources is"):
        ScanResult.from_event(event)
