"""What is new since a tag was last reported."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.history import packed, unpacked
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.changes import (
    Changes,
    ReportedState,
    changes_since,
    is_news,
    state_to_compare,
)
from tests.reports import TEXTS, a_finding

OLD, KEPT, NEW = a_finding("CVE-1"), a_finding("CVE-2", "HIGH"), a_finding("CVE-3", "LOW")


def a_state(*findings, digest="sha256:b", time="2026-01-01T00:00:00Z", status="COMPLETE"):
    known = {finding.key: finding.severity for finding in findings}
    return ReportedState("shop/api:latest", digest, time, status, known)


def test_an_image_is_compared_with_the_one_that_carried_the_tag_before():
    changes = changes_since(a_state(OLD, KEPT), [KEPT, NEW])
    assert changes == Changes(
        new=frozenset({"CVE-3 openssl"}),
        fixed={"CVE-1 openssl": "CRITICAL"},
        unchanged=1,
        digest_before="sha256:b",
        since="2026-01-01T00:00:00Z",
    )
    assert not changes.first


def test_of_a_tag_that_was_never_reported_every_finding_is_new():
    changes = changes_since(None, [KEPT, NEW])
    assert changes.first
    assert len(changes.new) == 2


def test_a_new_version_of_the_package_with_the_same_flaw_is_no_new_finding():
    updated = a_finding("CVE-1", installed="3.1")
    assert changes_since(a_state(OLD), [updated]) == Changes(
        frozenset(), {}, 1, "sha256:b", "2026-01-01T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("severity", "news"), [("CRITICAL", True), ("HIGH", False), ("LOW", False)]
)
def test_a_finding_whose_severity_got_worse_is_new(severity, news):
    changes = changes_since(a_state(KEPT), [a_finding("CVE-2", severity)])
    assert bool(changes.new) is news


def test_another_image_is_compared_with_before_this_one():
    own = a_state(digest="sha256:a", time="2026-03-01T00:00:00Z")
    before = a_state(digest="sha256:b", time="2026-02-01T00:00:00Z")
    long_before = a_state(digest="sha256:c", time="2026-01-01T00:00:00Z")
    assert state_to_compare([own, long_before, before], "sha256:a") is before
    assert state_to_compare([own], "sha256:a") is own
    assert state_to_compare([], "sha256:a") is None


@pytest.mark.parametrize(
    ("mode", "findings", "told"),
    [
        ("every-scan", (OLD,), True),
        ("changes", (OLD,), False),
        ("changes", (OLD, NEW), True),
        ("changes", (), True),
        ("new-findings", (OLD,), False),
        ("new-findings", (OLD, NEW), True),
        ("new-findings", (), False),
    ],
)
def test_the_mode_says_after_which_scans_people_are_told(mode, findings, told):
    before = a_state(OLD)
    assert is_news(mode, False, changes_since(before, findings), before) is told


@pytest.mark.parametrize("mode", ["changes", "new-findings"])
def test_a_scan_that_fails_again_is_no_news(mode):
    nothing = changes_since(None, ())
    assert is_news(mode, True, nothing, None)
    assert is_news(mode, True, nothing, a_state(OLD))
    assert not is_news(mode, True, nothing, a_state(OLD, status="FAILED"))
    assert is_news("every-scan", True, nothing, a_state(OLD, status="FAILED"))


@given(st.dictionaries(TEXTS, st.sampled_from(SEVERITIES)))
def test_what_is_remembered_is_what_was_reported(findings):
    assert unpacked(packed(findings)) == findings


def test_of_more_findings_than_fit_into_an_item_the_worst_are_remembered():
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(20_000)]
    findings = {**dict.fromkeys(names, "LOW"), "CVE-1 openssl": "CRITICAL"}
    data = packed(findings)
    assert len(data) <= 300_000
    assert "CVE-1 openssl" in unpacked(data)
    assert 5_000 <= len(unpacked(data)) < 20_000
