"""Feeds from a server on this machine to the bucket: the last good one serves, whatever comes."""

import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.clients import client_of
from chalicelib.aws.kept_feeds import KEYS, STATE_KEY, read_exploitation, read_states
from chalicelib.aws.s3 import ReportBucket
from chalicelib.fleet.feeds import Feeds, refresh
from chalicelib.fleet.fetching import fetch
from chalicelib.fleet.find import Query, find
from chalicelib.fleet.finding_lines import keep_lines
from chalicelib.policy.feeds import EPSS, KEV, FeedError
from tests.feeds import LISTED, NOW, SCORES, epss, epss_text, kev
from tests.fleets import OPENSSL, ZLIB, found_in, looked_at, report_of

HTML = b"<!doctype html><title>Sign in</title>"
DAY = timedelta(days=1)
MOST = 1 << 20


class Server:
    """Serves what is at each path: a body, a status, or a function that writes the answer."""

    def __init__(self):
        self.at = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer = outer.at.get(self.path, 404)
                if callable(answer):
                    answer(self)
                elif isinstance(answer, int):
                    self.send_error(answer)
                else:
                    send(self, answer, len(answer))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def send(handler, body, length=None):
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(body)


def endless(handler):
    send(handler, b"")
    try:
        for _ in range(2000):
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        pass  # nobody reads on


def elsewhere(address):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.end_headers()

    return answer


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def bucket(aws):
    client = client_of(boto3.Session(), "s3")
    client.create_bucket(
        Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return ReportBucket(client, "reports")


@pytest.fixture
def refreshed(server, bucket):
    """Refreshes both feeds from what the server has; gives the warnings of that time."""

    def run(now, **bodies):
        server.at.update({f"/{name}": body for name, body in bodies.items()})
        addresses = {KEV: f"{server.address}/kev", EPSS: f"{server.address}/epss"}
        states = refresh(bucket, addresses, now, fetch)
        assert read_states(bucket) == states
        return [state.warning(now) for state in states]

    return run


def known(bucket):
    found = read_exploitation(bucket)
    return found.catalogue, found.scores


GOOD = (frozenset(LISTED), SCORES)


def test_good_feeds_are_kept_and_read(refreshed, bucket):
    assert refreshed(NOW, kev=kev(), epss=epss()) == ["", ""]
    assert known(bucket) == GOOD


def test_scores_that_come_unpacked_are_kept_all_the_same(refreshed, bucket):
    assert refreshed(NOW, kev=kev(), epss=epss_text()) == ["", ""]
    assert known(bucket) == GOOD


BAD = {
    "cut": (lambda h: send(h, kev()[:99], len(kev())), "it is cut short: 99 of"),
    "cut without a length": (lambda h: send(h, kev()[:99]), "it is cut short, or something else"),
    "html": (HTML, "it is HTML and not JSON"),
    "100 MB": (endless, "it has more than 8 MB"),
    "future": (kev(released="2027-01-01T00:00:00Z"), "it is of 2027-01-01, in the future"),
    "older": (kev(released="2026-02-01T00:00:00Z"), "it is of 2026-02-01, older than"),
    "shrunk": (kev({}), "it says 0 entries and has 0"),
    "missing": (404, "the answer was 404"),
    "failing": (500, "the answer was 500"),
    "a file": (elsewhere("file:///etc/passwd"), "the answer was 302"),
    "in a circle": (elsewhere("/kev"), "the answer was 302"),
}


@pytest.mark.parametrize("kind", BAD)
def test_the_last_good_feed_serves_with_a_warning_that_names_it(refreshed, bucket, kind):
    refreshed(NOW, kev=kev(), epss=epss())
    body, problem = BAD[kind]
    of_kev, of_epss = refreshed(NOW + DAY, kev=body)
    assert of_kev.startswith(f"KEV was last fetched on 2026-03-02: {problem}")
    assert of_epss == ""
    assert known(bucket) == GOOD
    assert refreshed(NOW + 2 * DAY, kev=kev()) == ["", ""]


def test_a_server_that_is_not_there_costs_its_feed_alone(bucket, server):
    server.at["/epss"] = epss()
    addresses = {KEV: "http://127.0.0.1:1/kev", EPSS: f"{server.address}/epss"}
    of_kev, of_epss = refresh(bucket, addresses, NOW, fetch)
    assert of_kev.warning(NOW).startswith("KEV is not there yet: it could not be fetched")
    assert of_epss.warning(NOW) == ""
    assert read_exploitation(bucket).catalogue is None


def dripping(beginning):
    """A server that sends this at once, and then a little now and then."""

    def answer(handler):
        handler.wfile.write(beginning)
        try:
            for _ in range(40):
                handler.wfile.write(b"1")
                time.sleep(0.1)
        except OSError:
            pass  # nobody reads on

    return answer


def test_a_feed_that_was_fetched_serves_though_the_function_ends_at_the_next(refreshed, bucket):
    refreshed(NOW, kev=kev({"CVE-2021-44228": "2021-12-10"}), epss=epss())

    def fetch_until_it_ends(address, _):
        if address == EPSS:
            raise SystemExit
        return kev()

    with pytest.raises(SystemExit):
        refresh(bucket, {KEV: KEV, EPSS: EPSS}, NOW + DAY, fetch_until_it_ends)
    of_kev, of_epss = read_states(bucket)
    assert (of_kev.fetched, of_kev.entries) == (NOW + DAY, len(LISTED))
    assert (of_epss.fetched, of_epss.entries) == (NOW, len(SCORES))


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"HTTP/1.0 200 OK\r\nX-Padding: ",
    ],
    ids=["body with a length", "body without one", "length of a chunk", "headers"],
)
def test_a_feed_that_comes_in_drips_is_given_up_in_time(server, beginning):
    server.at["/drip"] = dripping(beginning)
    began = time.monotonic()
    with pytest.raises(FeedError, match="it took more than 0.5 seconds"):
        fetch(f"{server.address}/drip", MOST, seconds=0.5)
    assert time.monotonic() - began < 2


def test_a_feed_that_is_damaged_in_the_bucket_is_unknown(refreshed, bucket):
    refreshed(NOW, kev=kev(), epss=epss())
    bucket.put(KEYS[KEV], b"\xff{", "application/json")
    bucket.put(KEYS[EPSS], bucket.read(KEYS[EPSS])[:-9], "application/octet-stream")
    assert known(bucket) == (None, None)
    bucket.put(STATE_KEY, "[{}]", "application/json")
    assert read_states(bucket) == ()


def test_feeds_whose_state_cannot_be_read_are_unknown_and_named_in_the_report(bucket, monkeypatch):
    def refuse(*_):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    monkeypatch.setattr(ReportBucket, "read", refuse)
    report = Feeds(bucket).added_to(report_of(looked_at("shop/api", OPENSSL)))
    assert all("its state cannot be read" in feed.warning for feed in report.feeds)
    [repository] = report.repositories
    assert [finding.known_exploited for finding, _ in repository.rows] == [None]


def test_a_finding_that_a_filter_leaves_out_is_found_as_exploited_all_the_same(refreshed, bucket):
    refreshed(NOW, kev=kev(), epss=epss())
    listed = found_in("CVE-2021-44228", "CRITICAL", "log4j-core", "2.14", fix_available=False)
    report = report_of(looked_at("shop/api", ZLIB, left_out={"without a fix": (listed,)}))
    keep_lines(Feeds(bucket).added_to(report), "2026-03-02T06-00-00Z", bucket)
    [line] = find(Query.of({"known-exploited": "true"}), bucket).findings
    assert (line["vulnerability"], line["status"]) == ("CVE-2021-44228", "left out")
    assert line["epss"] == pytest.approx(0.97565, abs=1e-4)


def test_a_redirection_within_the_web_is_followed(server):
    server.at["/old"] = elsewhere("/new")
    server.at["/new"] = kev()
    assert fetch(f"{server.address}/old", MOST) == kev()
