"""Reading feeds: what is good is taken, and anything else is an error that says what it is."""

import gzip
import tracemalloc
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.exploitation import Exploitation
from chalicelib.policy.feeds import (
    EPSS,
    KEV,
    FeedError,
    FeedState,
    read_epss,
    read_kev,
)
from chalicelib.policy.scores import Scores
from tests.feeds import LISTED, NOW, SCORES, epss, epss_text, kev
from tests.reports import found_in

HTML = b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"


def test_scores_that_are_no_text_are_an_error_that_says_so():
    with pytest.raises(FeedError, match="it is no text"):
        read_epss(epss_text().replace(b"CVE-2024", b"\xff\xfe-2024"), NOW)


def test_the_catalogue_says_since_when_each_is_in_it():
    catalogue = read_kev(kev(), NOW)
    assert catalogue.added == LISTED
    assert catalogue.dated == datetime(2026, 3, 1, 15, 0, 4, 684600, tzinfo=UTC)


@pytest.mark.parametrize("body", [epss(), epss_text(), epss(dated="2026-03-02T00:00:00+0000")])
def test_scores_are_read_packed_or_not(body):
    dated, scores = read_epss(body, NOW)
    assert dated == datetime(2026, 3, 2, tzinfo=UTC)
    assert dict(scores) == SCORES


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (HTML, "it is HTML and not JSON"),
        (kev()[:-40], "it is cut short, or something else and not JSON"),
        (b"", "not JSON"),
        (b"\x00\xff" * 100, "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not JSON"),
        (b"{}", "'vulnerabilities' is missing"),
        (kev(count=3), "it says 3 entries and has 2"),
        (kev({}), "it says 0 entries and has 0"),
        (kev({"CVE-1": "2021-12-10"}), "it has an entry 'CVE-1'"),
        (kev({"CVE-2021-44228": "10.12.2021"}), "not JSON"),
        (kev({"CVE-2021-44228": "2026-03-04"}), "it has an entry of 2026-03-04, in the future"),
        (kev(released="2026-03-09T00:00:00Z"), "it is of 2026-03-09, in the future"),
    ],
)
def test_a_catalogue_that_is_not_as_it_should_be_is_an_error(body, message):
    with pytest.raises(FeedError, match=message):
        read_kev(body, NOW)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (HTML, "it is HTML and not CSV of EPSS scores"),
        (epss()[:-20], "it is cut short, or damaged"),
        (epss_text()[:-2], "it is cut short"),
        (epss_text()[:-8] + b"\n", "it has a line 'CVE-2026-0002,0.0"),
        (gzip.compress(HTML, mtime=0), "not CSV"),
        (b"", "not CSV"),
        (epss({}), "it has no scores"),
        (epss({"CVE-2021-44228": 1.5}), "it has a line 'CVE-2021-44228,1.5"),
        (epss({"CVE-2021-44228": "nan"}), "it has a line"),
        (epss({"=cmd()": 0.5}), "it has a line '=cmd"),
        (epss(dated="2026-03-09T00:00:00Z"), "it is of 2026-03-09, in the future"),
        (epss(dated="today"), "its date is 'today'"),
        (gzip.compress(bytes(20_000_000), mtime=0), "it is cut short, or no text"),
    ],
)
def test_scores_that_are_not_as_they_should_be_are_an_error(body, message):
    with pytest.raises(FeedError, match=message):
        read_epss(body, NOW)


def test_scores_that_unpack_to_more_than_there_is_room_for_are_an_error(monkeypatch):
    monkeypatch.setattr("chalicelib.policy.feeds._MOST_UNPACKED", 1 << 20)
    names = {f"CVE-2026-{10_000 + number}": 0.5 for number in range(60_000)}
    with pytest.raises(FeedError, match="it has more than 1 MB"):
        read_epss(epss(names), NOW)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(gzip.compress))
def test_whatever_comes_is_taken_or_an_error(body):
    for read in (read_kev, read_epss):
        with pytest.raises(FeedError):
            read(body, NOW)


CVES = st.builds("CVE-{}-{:04}".format, st.integers(1999, 2100), st.integers(1, 9_999_999))
PARTS = st.integers(0, 10**9).map(lambda part: part / 10**9)


@given(st.dictionaries(CVES, PARTS), CVES)
def test_scores_are_the_same_after_they_were_packed(scores, other):
    kept = Scores.unpacked(Scores.of(scores.items()).packed())
    assert dict(kept) == scores
    assert kept.get(other) == scores.get(other)


def test_what_is_no_cve_and_a_number_that_is_too_long_have_no_score():
    scores = Scores.of([("CVE-2026-10000000", 0.5), ("CVE-1998-0001", 0.5)])
    assert len(scores) == 0
    assert not {"", "GHSA-1", "CVE-2026-10000000", "CVE-٢٠٢٦-0001"} & {*scores}
    assert scores.get("GHSA-1") is scores.get("CVE-٢٠٢٦-0001") is None


def test_scores_that_are_damaged_are_an_error():
    packed = Scores.of(SCORES.items()).packed()
    for body in (packed[:-5], b"", b"<html>", zlib.compress(b"123")):
        with pytest.raises(ValueError):  # noqa: PT011
            Scores.unpacked(body)


def test_reading_all_scores_takes_little_memory():
    names = {f"CVE-2026-{10_000 + number}": 0.00043 for number in range(250_000)}
    body = epss(names)
    names.clear()
    kept = read_epss(body, NOW)[1].packed()
    tracemalloc.start()
    scores = Scores.unpacked(kept)
    assert (len(scores), scores["CVE-2026-200001"]) == (250_000, 0.00043)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


DAY = timedelta(days=1)
GOOD = FeedState(EPSS, NOW, NOW, 100)


def test_a_feed_that_goes_back_or_lost_much_is_not_taken():
    GOOD.accepts(NOW, 51)
    GOOD.accepts(NOW + DAY, 200)
    with pytest.raises(FeedError, match="it is of 2026-03-01, older than the kept one"):
        GOOD.accepts(NOW - DAY, 100)
    with pytest.raises(FeedError, match="it has 49 entries, and the kept one 100"):
        GOOD.accepts(NOW + DAY, 49)


@pytest.mark.parametrize(
    ("state", "after", "warning"),
    [
        (GOOD, DAY, ""),
        (GOOD, 3 * DAY, "EPSS was last fetched on 2026-03-02"),
        (
            replace(GOOD, problem="it is HTML"),
            DAY,
            "EPSS was last fetched on 2026-03-02: it is HTML",
        ),
        (replace(GOOD, fetched=NOW + 8 * DAY), 8 * DAY, "EPSS is of 2026-03-02, and no newer one"),
        (FeedState(KEV), DAY, "KEV is not there yet"),
        (FeedState(KEV, problem="it is HTML"), DAY, "KEV is not there yet: it is HTML"),
    ],
)
def test_a_feed_that_is_stale_or_failed_says_so_with_its_date(state, after, warning):
    found = state.warning(NOW + after)
    assert found == warning or (warning and found.startswith(warning))


LOG4J = found_in("CVE-2021-44228", "CRITICAL", "log4j-core", "2.14", score=10.0)
ZLIB = found_in("CVE-2026-0002", "HIGH", "zlib", "1.2", epss=0.3)
ADVISORY = found_in("GHSA-1", "LOW", "x", "1", related=("CVE-2024-3094", "CVE-2026-0002"))


def test_findings_get_what_the_feeds_say_of_them():
    known = Exploitation(frozenset(LISTED), SCORES)
    found = [known.of(each) for each in (LOG4J, ZLIB, ADVISORY)]
    assert [each.known_exploited for each in found] == [True, False, True]
    assert [each.epss for each in found] == [0.97565, 0.00043, 0.86]


def test_what_no_feed_can_say_stays_unknown():
    advisory = found_in("GHSA-1", "LOW", "x", "1")
    assert Exploitation(frozenset(), {}).of(advisory).known_exploited is None
    assert Exploitation().of(LOG4J).known_exploited is None
    assert Exploitation(None, {}).of(ZLIB).epss == 0.3
    assert Exploitation(frozenset(), {}).of(LOG4J).epss is None
