"""Whatever comes through a door of the application: a clear error, and no effect.

The four doors are the schedule (and a direct invocation), the queue, the event bus and HTTP.
"""

import base64
import copy
import json
import time
from functools import partial
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.ecr.registries import OWN_REGISTRY
from chalicelib.notifying.events import EventError
from chalicelib.runtime import patterns
from chalicelib.scanning.job_messages import JobError
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.registry_jobs import PlanJob
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.services import Services
from local.ecr import LocalRegistry
from tests.events import inspector_finding, inspector_scan, scan_event
from tests.faults.faults import Faults
from tests.faults.runs import SCHEDULE
from tests.faults.simulation import QUEUE_URL, TOPIC_ARN, Clock, Invocation, SimulatedAws

CONTEXT = SimpleNamespace(
    aws_request_id="request", get_remaining_time_in_millis=lambda: 300_000, function_name="f"
)
OVERRIDES = {
    "repositories": ["shop/api"],
    "repositoriesFilterRegexp": "^shop",
    "ecrImagesDurationDelta": "2w",
    "dryRun": False,
}
JOBS = (
    ScanJob("shop/api", image_digests=("sha256:" + "1" * 64,), rules={"skip": "no"}),
    PlanJob(ListingRequest.from_values(OVERRIDES), after="shop", budget=5, attempts=1),
)
EVENTS = (scan_event(), inspector_scan(), inspector_finding("HIGH"))
LONGEST_ERROR = 1000

ODD_TEXTS = st.sampled_from(
    ["", " ", "\x00", "\ud800", "\u202e\U0001f4a9", "é" * 3000, "(a+)+$", "../..", "null", "1e999"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | ODD_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
DEEP = "[" * 100_000


def nested(levels):
    """A JSON value that is nested more deeply than Python's own functions follow."""
    value = []
    for _ in range(levels):
        value = [value]
    return value


def paths(value, path=()):
    """The paths of all that is in a JSON value."""
    yield path
    pairs = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value) if isinstance(value, list) else pairs
    for key, inner in pairs:
        yield from paths(inner, (*path, key))


@st.composite
def mutated(draw, values):
    """One of the values, with something in it left out, added or put in another's place."""
    value = copy.deepcopy(draw(st.sampled_from(values)))
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from([path for path in paths(value) if path] or [("x",)]))
        target = value
        for key in parents:
            target = target[key]
        change = draw(st.sampled_from(["leave out", "replace", "add"]))
        if change == "replace":
            target[last] = draw(ANYTHING)
        elif change == "leave out" and len(value) > 1:
            del target[last]
        elif isinstance(target, dict):
            target[draw(st.text(max_size=10))] = draw(ANYTHING)
    return value


@st.composite
def mangled(draw, texts):
    """One of the texts, cut or with characters in it that do not belong there."""
    text = draw(st.sampled_from(texts))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    return text[:start] + draw(st.text(max_size=5) | ODD_TEXTS) + text[end:]


class Application:
    """The application on a local AWS that has one image, and what it did there."""

    def __init__(self, app, aws):
        self.app = app
        self.aws = aws

    def schedule(self, event):
        return self.app.list_repositories(event, CONTEXT)

    def message(self, body):
        return self.app.scan_images({"Records": [{"body": body, "receiptHandle": "h"}]}, CONTEXT)

    def event(self, event):
        return self.app.notify(event, CONTEXT)

    def post(self, body, content_type="application/json", *, is_base64=False):
        """The answer to POST /scans, as its status and its message."""
        headers = {"content-type": content_type} if content_type else {}
        answer = self.app.app(
            {
                "resource": "/scans",
                "path": "/scans",
                "headers": headers,
                "multiValueHeaders": {name: [value] for name, value in headers.items()},
                "queryStringParameters": None,
                "multiValueQueryStringParameters": None,
                "pathParameters": None,
                "stageVariables": None,
                "body": body,
                "isBase64Encoded": is_base64,
                "requestContext": {
                    "httpMethod": "POST",
                    "resourcePath": "/scans",
                    "path": "/api/scans",
                    "identity": {},
                },
            },
            CONTEXT,
        )
        return answer["statusCode"], json.loads(answer["body"]).get("Message", "")

    @property
    def did_something(self):
        return any((self.aws.messages, self.aws.published, self.calls["StartImageScan"]))

    @property
    def calls(self):
        return self.aws.registry_at(OWN_REGISTRY).calls

    def refuses(self, door, value, *errors):
        """Whether a door says clearly what is wrong; what it accepts, it may carry out."""
        refused = None
        try:
            door(value)
        except errors as error:
            refused = error
        did_something = self.did_something
        for record in (self.aws.messages, self.aws.published, self.calls):
            record.clear()
        if refused is None:
            return False
        assert not did_something
        assert len(str(refused)) <= LONGEST_ERROR
        return True


@pytest.fixture
def application(load_app):
    app = load_app(IMAGES_SCAN_JOBS_QUEUE_URL=QUEUE_URL, ECR_SNS_REPORT_TOPIC_ARN=TOPIC_ARN)
    registry = LocalRegistry()
    registry.add_image("shop/api", tags=("1",))
    aws = SimulatedAws([registry], Faults(Random(0), calm=True), Clock(time.time()))  # noqa: S311
    aws.invocation = Invocation("any", {"id": "any"}, app, 0.0, float("inf"), None)
    app.services = Services(app.settings, partial(aws.client, 0))
    return Application(app, aws)


class TestSchedule:
    @given(mutated([SCHEDULE | {"detail": OVERRIDES}, OVERRIDES]))
    def test_a_mutated_event_lists_or_is_a_clear_error(self, application, event):
        application.refuses(application.schedule, event, RequestError)

    @given(ANYTHING)
    def test_any_other_payload_lists_or_is_a_clear_error(self, application, payload):
        application.refuses(application.schedule, payload, RequestError)

    def test_a_deeply_nested_override_is_a_clear_error(self, application):
        event = {"dryRun": nested(5_000)}
        assert application.refuses(application.schedule, event, RequestError)


class TestQueue:
    @given(mutated([json.loads(job.to_json()) for job in JOBS]))
    def test_a_mutated_job_is_done_or_fails_and_is_kept(self, application, job):
        application.refuses(application.message, json.dumps(job), JobError, *AWS_ERRORS)

    @given(mangled([job.to_json() for job in JOBS]))
    def test_a_mangled_message_is_done_or_fails_and_is_kept(self, application, body):
        application.refuses(application.message, body, JobError, *AWS_ERRORS)

    @pytest.mark.parametrize(
        "body", [DEEP, '{"plan":' * 100_000, '{"repository": %s}' % ("9" * 5_000), "\x00", "\ud800"]
    )
    def test_what_is_no_job_fails_and_is_kept(self, application, body):
        assert application.refuses(application.message, body, JobError)


class TestEventBus:
    @given(mutated(EVENTS))
    def test_a_mutated_event_is_weighed_or_is_a_clear_error(self, application, event):
        application.refuses(application.event, event, EventError, *AWS_ERRORS)

    @given(ANYTHING)
    def test_anything_else_is_a_clear_error(self, application, event):
        assert application.refuses(application.event, event, EventError)

    def test_a_deeply_nested_value_is_a_clear_error(self, application):
        event = scan_event(**{"scan-status": nested(5_000)})
        assert application.refuses(application.event, event, EventError)

    def test_a_name_that_is_no_name_is_shown_and_does_no_harm(self, application):
        event = scan_event(
            **{"repository-name": "a\r\nBcc: b@example.org\x1b[2J", "image-tags": ["1"]}
        )
        application.event(event)
        assert len(application.aws.published) == 1


class TestHttp:
    @given(mangled([json.dumps(OVERRIDES)]), st.booleans())
    def test_a_mangled_body_lists_or_is_answered_with_400(self, application, body, is_base64):
        self.check(application, body, is_base64=is_base64)

    @given(st.binary(max_size=200))
    def test_any_bytes_list_or_are_answered_with_400(self, application, body):
        self.check(application, base64.b64encode(body).decode(), is_base64=True)

    @given(mutated([OVERRIDES]), st.sampled_from(["utf-8", "utf-16", "utf-32", "latin-1", "cp037"]))
    def test_a_mutated_body_in_any_encoding_lists_or_is_answered_with_400(
        self, application, values, encoding
    ):
        body = json.dumps(values).encode(encoding)
        self.check(application, base64.b64encode(body).decode(), is_base64=True)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (DEEP, "the body is not JSON"),
            ('{"dryRun":' * 100_000, "the body is not JSON"),
            ("9" * 5_000, "the body is not JSON"),
            ("\ud800", "the body cannot be read"),
            ('{"repositories": ["\\ud800"]}', r"there is no '\ud800'"),
            ('{"repositories": ["\\u0000"]}', r"there is no '\x00'"),
            ('{"dryRun": NaN}', "dryRun is nan; accepted: true, false"),
            ('{"%s": 1}' % ("x" * 5_000_000), "unknown: 'xxx"),
            (json.dumps(dict.fromkeys(map(str, range(100_000)))), "and 99990 more"),
            (json.dumps({"repositories": [str(n) for n in range(100_000)]}), "and 99990 more"),
            (json.dumps({"ecrImagesDurationDelta": "1d" * 2_000_000}), "is not a duration"),
            (json.dumps({"repositoriesFilterRegexp": "a|" * 1_000_000}), "is too long; accepted"),
        ],
        ids=lambda value: value[:20],
    )
    def test_an_extreme_body_is_answered_with_400_and_a_short_message(
        self, application, body, message
    ):
        status, said = application.post(body)
        assert (status, message in said) == (400, True)
        assert len(said) <= LONGEST_ERROR
        assert not application.did_something

    def test_a_body_as_long_as_the_api_takes_is_answered(self, application):
        """API Gateway itself answers 413 to more than 10 MB. Source: its quotas."""
        body = json.dumps({"repositories": ["r" * 250] * 40_000})
        assert len(body) > 10_000_000
        assert application.post(body)[0] == 400
        assert not application.did_something

    @pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "x" * 5_000, "\x00"])
    def test_another_content_type_is_answered_with_415(self, application, content_type):
        assert application.post("{}", content_type)[0] == 415
        assert not application.did_something

    @pytest.mark.parametrize("content_type", ["", "application/json; charset=utf-8"])
    def test_json_may_name_its_charset_and_need_not_be_named(self, application, content_type):
        assert application.post("{}", content_type)[0] == 202

    def test_a_body_that_is_not_the_base64_it_should_be_is_answered_with_400(self, application):
        assert application.post("e30", is_base64=True)[0] == 400
        assert not application.did_something

    @pytest.mark.parametrize("pattern", ["(a+)+$", "(?i)" + "[\x00-\U0010ffff]" * 200])
    def test_a_hostile_pattern_stalls_nothing(self, application, monkeypatch, pattern):
        monkeypatch.setattr(patterns, "MATCHING_SECONDS", 0.2)
        application.aws.registry_at(OWN_REGISTRY).add_repository("a" * 100 + "b")
        status, said = application.post(json.dumps({"repositoriesFilterRegexp": pattern}))
        assert (status, "takes too long" in said) == (400, True)
        assert not application.did_something

    def check(self, application, body, **how):
        def post(body):
            status, message = application.post(body, **how)
            assert status in {202, 400}
            if status == 400:
                raise RequestError(message)

        application.refuses(post, body, RequestError)
