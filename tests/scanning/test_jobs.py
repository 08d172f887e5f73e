"""What travels through the queue."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.durations import Duration
from chalicelib.scanning.job_messages import VERSION, JobError
from chalicelib.scanning.jobs import LONGEST_JOB, ScanJob, parse_job, parts_of
from chalicelib.scanning.registry_jobs import ListJob, PlanJob
from chalicelib.scanning.requests import MOST_IMAGES, ListingRequest

TEXT = st.text(min_size=1)
JOBS = st.builds(
    ScanJob,
    repository=TEXT,
    duration=st.none() | st.sampled_from(["7d", "1m2w"]).map(Duration.parse),
    image_digests=st.lists(TEXT).map(tuple),
    attempts=st.integers(0, 20),
    account=st.none() | TEXT,
    region=st.none() | TEXT,
    rules=st.dictionaries(TEXT, st.text()),
    images_in_use=st.dictionaries(TEXT, TEXT),
    scan_frequency=st.none() | TEXT,
    not_before=st.integers(0),
    force=st.booleans(),
    images=st.lists(TEXT).map(tuple),
    listing=st.text(),
    uses_incomplete=st.booleans(),
    part=st.integers(0, 9),
)
REQUESTS = st.builds(
    ListingRequest,
    repositories=st.none() | st.lists(TEXT, min_size=1).map(tuple),
    repositories_filter=st.none() | st.just(re.compile("^shop/")),
    images_duration=st.none() | st.sampled_from(["7d", "1m2w"]).map(Duration.parse),
    force=st.booleans(),
) | st.builds(ListingRequest, images=st.just(("shop/api:1", f"shop/api@sha256:{'0' * 64}")))
PLANS = st.builds(
    PlanJob,
    request=REQUESTS,
    account=st.none() | TEXT,
    region=st.none() | TEXT,
    after=st.text(),
    budget=st.none() | st.integers(0),
    not_before=st.integers(0),
    attempts=st.integers(0, 20),
    only=st.lists(TEXT).map(tuple),
    without=st.lists(TEXT).map(tuple),
    listing=st.text(),
)

LISTS = st.builds(
    ListJob,
    request=REQUESTS,
    account=st.none() | TEXT,
    region=st.none() | TEXT,
    after=st.text(),
    alone=st.booleans(),
    sent=st.integers(0),
    began_at=st.integers(0),
    attempts=st.integers(0, 20),
    listing=st.text(),
)


@given(JOBS | PLANS | LISTS)
def test_a_job_survives_the_queue(job):
    assert parse_job(job.to_json()) == job


def test_the_images_of_a_request_fit_into_one_message_with_those_of_nine_others():
    """SQS takes 262,144 bytes a call in every region. Source: SendMessageBatch, of old."""
    job = ScanJob("r" * 256, images=tuple("t" * 128 for _ in range(MOST_IMAGES)))
    assert 10 * len(job.to_json()) < 256 * 1024


def test_a_job_of_an_earlier_version_knows_all_images_in_use():
    job = parse_job('{"repository":"shop/api","imagesInUse":{"1":"ECS service web"}}')
    assert job.knows_all_uses
    assert job == ScanJob("shop/api", images_in_use={"1": "ECS service web"})


@pytest.mark.parametrize("some", [{"uses_incomplete": True}, {"part": 1}])
def test_a_job_that_knows_some_images_in_use_waits_for_a_version_that_knows_of_such(some):
    assert json.loads(ScanJob("shop/api", **some).to_json())["version"] == VERSION
    assert "version" not in json.loads(ScanJob("shop/api").to_json())


def test_a_plan_that_leaves_out_repositories_waits_for_a_version_that_knows_of_such():
    plan = PlanJob(ListingRequest(), without=("shop/api",))
    assert json.loads(plan.to_json())["version"] == VERSION
    assert "version" not in json.loads(PlanJob(ListingRequest(), only=("shop/api",)).to_json())


def test_a_job_of_the_lister_is_small():
    assert ScanJob("payments/api").to_json() == '{"repository":"payments/api"}'


def test_a_rest_of_a_whole_page_fits_into_a_message():
    rest = ScanJob(
        "r" * 256,
        Duration.parse("7d"),
        tuple(f"sha256:{number:064d}" for number in range(1000)),
        attempts=10,
    )
    assert len(rest.to_json()) < 256 * 1024


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "not JSON"),
        ("payments/api", "not JSON"),
        ("[]", r"the message is \[\]; accepted: a JSON object"),
        ("{}", "repository is missing"),
        ('{"repository": 7}', "repository is 7; accepted: a string that is not empty"),
        ('{"repository": ""}', "repository is ''"),
        ('{"repository": "a", "imageDigests": "b"}', "imageDigests is 'b'; accepted: a list"),
        ('{"repository": "a", "attempts": -1}', "attempts is -1; accepted: a whole number"),
        ('{"repository": "a", "attempts": true}', "attempts is True"),
        ('{"repository": "a", "ecrImagesDurationDelta": "x"}', "ecrImagesDurationDelta: 'x'"),
        ('{"plan": []}', r"plan is \[\]; accepted: a JSON object"),
        ('{"plan": {}}', "plan.request is missing"),
        ('{"plan": {"request": {"dryRun": 1}}}', "request: dryRun is 1"),
        ('{"repository": "a", "repo": "b"}', "unknown: 'repo'; accepted: .*repository"),
    ],
)
def test_a_message_that_is_no_job_is_a_clear_error(body, message):
    with pytest.raises(JobError, match=message):
        parse_job(body)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_json_makes_anything_but_a_job_or_a_clear_error(value):
    with pytest.raises(JobError):
        ScanJob.from_json(json.dumps(value))


@given(st.integers(0, 20_000))
def test_a_job_too_large_for_a_message_becomes_several_that_say_the_same(count):
    uses = {f"build-{n}-0123456789abcdef": f"ECS task definition {n % 300}" for n in range(count)}
    job = ScanJob("shop/api", rules={"newest": "1"}, images_in_use=uses)
    parts = parts_of(job)
    assert all(len(part.to_json()) <= LONGEST_JOB for part in parts)
    assert {name: where for part in parts for name, where in part.images_in_use.items()} == uses
    assert len(parts) == 1 or len(job.to_json()) > LONGEST_JOB
    numbers = [part.part for part in parts]
    assert numbers == ([0] if parts == [job] else [*range(1, len(parts) + 1)])
