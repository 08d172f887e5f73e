"""What people and Security Hub hear as tags move, platforms differ and images are deleted."""

import boto3
import pytest

from chalicelib.notifying.notify import notify
from chalicelib.runtime.deadline import Deadline
from chalicelib.services import Services
from local.ecr import Finding, Findings
from tests.events import image_deleted
from tests.notifying.repository_scans import PLACE, names, new

HUB = {"NOTIFY_BY_SECURITY_HUB": "true"}


@pytest.fixture
def archived():
    """The ids of Security Hub's findings by whether they are archived."""
    client = boto3.client("securityhub")
    client.enable_security_hub()

    def run():
        found = client.get_findings()["Findings"]
        kinds = {"ACTIVE": set(), "ARCHIVED": set()}
        for each in found:
            image = each["Resources"][0]["Details"]["AwsEcrContainerImage"]["ImageDigest"]
            kinds[each["RecordState"]].add((image, each["Vulnerabilities"][0]["Id"]))
        return kinds["ACTIVE"], kinds["ARCHIVED"]

    return run


@pytest.mark.parametrize("mode", ["new-findings", "changes"])
def test_two_platforms_under_one_tag_are_each_reported_once_for_good(scans, archived, mode):
    run = scans(NOTIFY_MODE=mode, **HUB)
    amd, arm = run.image("CVE-0", "CVE-1", tags=()), run.image("CVE-0", "CVE-2", tags=())
    run.index(amd, arm)
    assert [new(told) for told in (*run(amd), *run(arm))] == [
        ["CVE-0", "CVE-1"],
        ["CVE-0", "CVE-2"],
    ]
    for _ in range(3):
        assert run(amd) + run(arm) == []
    open_now = {(image.digest, name) for image in (amd, arm) for name in ("CVE-0",)}
    assert archived() == (open_now | {(amd.digest, "CVE-1"), (arm.digest, "CVE-2")}, set())


def test_an_index_whose_one_platform_always_fails_is_reported_once_for_each(scans):
    run = scans()
    amd, broken = run.image("CVE-1", tags=()), run.image(tags=())
    run.index(amd, broken)
    weeks = [
        [told["scanStatus"] for told in run(amd) + run(broken, status="FAILED")] for _ in range(3)
    ]
    assert weeks == [["COMPLETE", "FAILED"], [], []]


def test_the_next_index_of_a_tag_is_compared_platform_by_platform(scans):
    run = scans(NOTIFY_MODE="changes")
    first = run.image("CVE-1", tags=()), run.image("CVE-2", tags=())
    run.index(*first)
    for image in first:
        run(image)
    second = run.image("CVE-1", tags=()), run.image("CVE-2", "CVE-3", tags=())
    run.index(*second)
    assert run(second[0]) == []
    [told] = run(second[1])
    assert (new(told), told["changes"]["fixed"]) == (["CVE-3"], 0)


def test_a_rollback_of_a_tag_repeats_nothing_and_a_scan_of_the_other_build_changes_nothing(scans):
    run = scans()
    first = run.image("CVE-1", tags=("build-1", "latest"))
    second = run.image("CVE-2", tags=("build-2", "latest"))
    [told] = run(second)
    run.tag(first, "latest")
    [back] = run(first)
    assert (new(told), new(back)) == (["CVE-2"], ["CVE-1"])
    assert run(second) + run(first) == []
    # The other one is current too, as the newest build.
    current = {state.line.tag: state.digest for state in run.states()}
    assert current == {"latest": first.digest, "": second.digest}


def test_a_rescan_of_an_old_build_opens_nothing_again(scans, archived):
    run = scans(NOTIFY_MODE="every-scan", **HUB)
    old = run.image("CVE-1", "CVE-2", tags=("build-1", "latest"))
    run(old)
    now = run.image("CVE-2", tags=("build-2", "latest"))
    run(now)
    run(old)
    active, closed = archived()
    assert active == {(now.digest, "CVE-2")}
    assert {name for _, name in closed} == {"CVE-1"}


def test_a_build_that_lost_its_tag_is_not_announced_again(scans):
    run = scans()
    old = run.image("CVE-1", "CVE-2")
    run(old)
    run(run.image("CVE-1", "CVE-2"))
    assert old.tags == ()
    assert run(old) == []


def test_of_unique_tags_each_build_is_compared_with_the_one_before(scans):
    run = scans()
    reports = [
        run(run.image(*found, tags=(f"git-{number}",)))
        for number, found in enumerate([("CVE-1",), ("CVE-1",), ("CVE-1", "CVE-2"), ("CVE-2",)])
    ]
    assert [[new(told) for told in each] for each in reports] == [
        [["CVE-1"]],
        [],
        [["CVE-2"]],
        [],
    ]


def test_two_images_that_are_both_current_have_ids_of_their_own(scans, archived):
    run = scans(**HUB)
    one, other = run.image("CVE-1", tags=("stable",)), run.image("CVE-1", tags=("edge",))
    run(one)
    run(other)
    run(one)
    assert archived() == ({(one.digest, "CVE-1"), (other.digest, "CVE-1")}, set())


def test_an_image_promoted_from_one_tag_to_another_is_reported_once(scans):
    run = scans()
    run(run.image("CVE-0", tags=("prod",)))
    dev = run.image("CVE-0", "CVE-1", tags=("dev",))
    [told] = run(dev)
    run.tag(dev, "prod")
    assert new(told) == ["CVE-1"]
    assert run(dev) == []


def test_each_tag_of_an_image_goes_on_with_the_next_build_of_its_own(scans):
    run = scans()
    assert len(run(run.image("CVE-1", tags=("latest", "prod")))) == 1
    builds = run.image(tags=("prod",)), run.image("CVE-1", tags=("latest",))
    assert [run(build) for build in builds] == [[], []]


def test_a_tag_that_was_seen_on_two_builds_goes_on_beside_the_newest(scans):
    run = scans()
    run(run.image("CVE-1", tags=("1.0",)))
    moved = run.image("CVE-1", tags=("1.0",))
    run(moved)
    newest = run.image("CVE-1", tags=("1.1",))
    run(newest)
    current = {state.line.tag: state.digest for state in run.states()}
    assert current == {"1.0": moved.digest, "": newest.digest}


def test_what_was_open_in_a_deleted_image_is_archived_and_nobody_is_told_it_was_fixed(
    scans, archived
):
    run = scans(NOTIFY_MODE="changes", **HUB)
    image = run.image("CVE-1")
    run(image)
    run.delete(image)
    assert run.deleted(image) == []
    assert archived() == (set(), {(image.digest, "CVE-1")})
    assert run.states() == []
    assert run.deleted(image) == []


def test_a_deletion_that_no_event_told_of_is_noticed_by_the_next_scan(scans, archived):
    run = scans(**HUB)
    deleted, other = run.image("CVE-1", tags=("edge",)), run.image("CVE-2")
    run(deleted)
    run.delete(deleted)
    run(other)
    assert archived() == ({(other.digest, "CVE-2")}, {(deleted.digest, "CVE-1")})


def test_a_deleted_index_closes_what_was_open_in_its_platforms(scans, archived):
    run = scans(**HUB)
    amd, arm = run.image("CVE-1", tags=()), run.image("CVE-2", tags=())
    index = run.index(amd, arm)
    newer = run.image("CVE-3", tags=("edge",))
    for image in (amd, arm, newer):
        run(image)
    for each in (index, amd, arm):
        run.delete(each)
    run.deleted(index)
    closed = {(amd.digest, "CVE-1"), (arm.digest, "CVE-2")}
    assert archived() == ({(newer.digest, "CVE-3")}, closed)


def test_a_tag_that_was_deleted_ends_its_line_though_the_image_is_there(scans, archived):
    run = scans(**HUB)
    image = run.image("CVE-1", tags=("edge", "1.0"))
    run(image)
    newer = run.image("CVE-2")
    run(newer)
    image.tags = ("1.0",)
    run.deleted(image)
    assert archived() == ({(newer.digest, "CVE-2")}, {(image.digest, "CVE-1")})


def test_a_deleted_image_that_nothing_is_known_of_costs_no_call_to_ecr(scans, aws):
    run = scans()
    image = run.image("CVE-1")
    run(image)
    aws.calls.clear()
    run.deleted(run.image(tags=()))
    assert not aws.calls


def test_without_a_history_a_deletion_is_nothing(scans, settings, aws):
    services = Services(settings())
    notify(image_deleted(), services, Deadline.unlimited())
    assert not aws.calls


def test_a_deleted_image_whose_scan_ends_late_is_out_of_reach(scans, archived):
    run = scans(**HUB)
    image, other = run.image("CVE-1"), run.image("CVE-2", tags=("edge",))
    run(other)
    event = run.event(image)
    run.delete(image)
    run.deliver(event)
    assert archived() == ({(other.digest, "CVE-2")}, set())


def accepted_until(day):
    text = f"accepted: [{{vulnerability: CVE-1, reason: until the upgrade, expires: {day}}}]\n"
    boto3.client("ssm").put_parameter(Name="/risks", Type="String", Value=text, Overwrite=True)


def test_an_acceptance_that_ran_out_is_news_in_the_mode_for_new_findings(scans):
    image = scans().image("CVE-1")
    assert len(scans()(image, hour=1)) == 1
    accepted_until("2999-01-31")
    assert scans(ACCEPTED_RISKS="ssm:/risks")(image, hour=2) == []
    accepted_until("2020-01-31")
    [told] = scans(ACCEPTED_RISKS="ssm:/risks")(image, hour=3)
    assert new(told) == ["CVE-1"]


def test_what_is_accepted_since_is_not_said_to_be_fixed(scans):
    accepted_until("2999-01-31")
    image = scans().image("CVE-1", "CVE-2")
    scans(NOTIFY_MODE="changes")(image, hour=1)
    assert scans(NOTIFY_MODE="changes", ACCEPTED_RISKS="ssm:/risks")(image, hour=2) == []


@pytest.mark.parametrize(
    "more", [{"exploit_available": True}, {"fixed_in_version": "2"}], ids=["exploit", "fix"]
)
def test_a_finding_that_became_exploitable_or_fixable_is_news(scans, more):
    run = scans()
    image = run.image("CVE-1", fixed_in="")
    run.registry.scan_type = "ENHANCED"
    run(image)
    assert run(image) == []
    image.findings = Findings((Finding("CVE-1", "HIGH", score=7.0, **more),))
    image.report(run.registry.now())
    [told] = run(image)
    assert new(told) == ["CVE-1"]


def test_new_findings_come_first_however_many_old_ones_there_are(scans):
    run = scans()
    old = [f"CVE-2020-{number:04}" for number in range(120)]
    run(run.image(*old, severity="CRITICAL"))
    image = run.image(*old, severity="CRITICAL")
    more = run.image("CVE-2026-9999", tags=()).findings
    image.findings = Findings((*image.findings.entries, *more.entries))
    [told] = run(image)
    assert names(told)[0] == "CVE-2026-9999"
    assert new(told) == ["CVE-2026-9999"]


def test_an_image_of_a_thousand_tags_is_reported_once_and_its_tags_read_in_few_calls(scans, aws):
    run = scans()
    run.services.line_states.keep_tagged(PLACE, {})
    image = run.image("CVE-1", tags=tuple(f"build-{number}" for number in range(1000)))
    calls = []
    client = run.services.table._client
    client.meta.events.register("before-call.dynamodb", lambda **_: calls.append(1))
    assert len(run(image)) == 1
    assert run(image) == []
    assert len(calls) < 40
