"""The feeds as the notifier reads them: once a container, anew when fetched, never in the way."""

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.kept_feeds import KEPT_FOR, KEYS, STATE_KEY, KeptFeeds, keep_states
from chalicelib.policy.feeds import EPSS, KEV, FeedState
from chalicelib.policy.scores import Scores
from tests.feeds import NOW, SCORES

REFUSED = ClientError({"Error": {}}, "GetObject")
DAY = timedelta(days=1)


class Bucket:
    """Both feeds, fetched just now; ``read`` says what was read of it."""

    def __init__(self):
        self.objects = {KEYS[KEV]: b'{"CVE-2021-44228": "2021-12-10"}'}
        self.objects[KEYS[EPSS]] = Scores.of(SCORES.items()).packed()
        self.reads = []
        self.fetched(NOW)

    def fetched(self, at, problem=""):
        keep_states(self, [FeedState(name, NOW, at, 3, problem) for name in KEYS])

    def put(self, key, body, _):
        self.objects[key] = body.encode()

    def get(self, key):
        body = self.read(key)
        return body and body.decode()

    def read(self, key):
        self.reads.append(key)
        found = self.objects.get(key)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def bucket():
    return Bucket()


@pytest.fixture
def after(bucket):
    """What the feeds say after so long."""
    now = [NOW]
    feeds = KeptFeeds(bucket, lambda: now[0])

    def said(passed=timedelta(0)):
        now[0] = NOW + passed
        return feeds.exploitation()

    return said


def test_each_is_read_once_and_again_only_after_it_was_fetched_anew(bucket, after):
    for passed in (0, 1, 2, 20):
        known = after(passed * KEPT_FOR)
        assert known.catalogue == {"CVE-2021-44228"}
        assert dict(known.scores) == SCORES
        assert known.warnings == ()
    feeds = [key for key in bucket.reads if key != STATE_KEY]
    assert (feeds, len(bucket.reads)) == ([*KEYS.values()], 6)
    bucket.objects[KEYS[KEV]] = b"{}"
    bucket.fetched(NOW + DAY)
    assert after(DAY).catalogue == frozenset()


def test_between_two_looks_an_hour_apart_nothing_is_asked(bucket, after):
    after()
    bucket.reads.clear()
    after(KEPT_FOR - timedelta(seconds=1))
    assert bucket.reads == []


@pytest.mark.parametrize("body", [None, b"<html>", REFUSED])
def test_what_cannot_be_read_is_unknown_and_said(bucket, after, body):
    bucket.objects |= dict.fromkeys(KEYS.values(), body)
    known = after()
    assert (known.catalogue, known.scores) == (None, None)
    assert known.warnings == ("KEV cannot be read", "EPSS cannot be read")


@pytest.mark.parametrize("key", [*KEYS.values(), STATE_KEY])
def test_the_last_ones_serve_while_newer_ones_cannot_be_read(bucket, after, key):
    after()
    bucket.fetched(NOW + DAY)
    bucket.objects[key] = REFUSED
    known = after(DAY)
    assert (known.catalogue, dict(known.scores)) == ({"CVE-2021-44228"}, SCORES)


def test_feeds_that_are_stale_or_failed_serve_and_are_said_with_their_date(bucket, after):
    bucket.fetched(NOW, "it is HTML")
    assert "EPSS was last fetched on 2026-03-02: it is HTML" in after().warnings
    bucket.fetched(NOW)
    known = after(3 * DAY)
    assert known.warnings[0] == "KEV was last fetched on 2026-03-02"
    assert known.catalogue == {"CVE-2021-44228"}
