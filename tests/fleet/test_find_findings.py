"""GET /findings: what is asked for, and what is answered."""

from types import SimpleNamespace

import jsonschema
import pytest
import yaml
from chalice.app import MultiDict

from chalicelib.fleet import find_findings as flow
from chalicelib.fleet.finding_lines import keep_lines
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from deployment.packages import PROJECT
from tests.fleet.test_find import FLEET, Kept

DOCUMENT = yaml.safe_load((PROJECT / "docs" / "openapi.yaml").read_text())


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def get(kept):
    """Ask with filters; gives the answer's body, which is as documented, and its status."""
    services = SimpleNamespace(report_bucket=kept, settings=SimpleNamespace(digest=True))

    def get(**filters):
        lists = {
            name: value if isinstance(value, list) else [value] for name, value in filters.items()
        }
        body, status = flow.find_findings(MultiDict(lists), services)
        schema = {"$ref": f"#/components/schemas/{'Found' if status == 200 else 'Error'}"}
        jsonschema.validate(body, {**schema, "components": DOCUMENT["components"]})
        return body, status

    return get


def test_findings_of_an_owner_are_answered(get, kept):
    keep_lines(FLEET, "now", kept)
    body, status = get(vulnerability="CVE-2026-0001", owner="payments")
    assert status == 200
    assert [each["repository"] for each in body["findings"]] == ["shop/api"]
    assert body["asOf"] == FLEET.generated_at.isoformat()


def test_an_unknown_filter_is_refused_with_what_is_accepted(get):
    body, status = get(cve="CVE-2026-0001")
    assert status == 400
    assert "'cve' is no filter; accepted: vulnerability, package, any" in body["Message"]


def test_a_filter_that_is_given_twice_is_refused_rather_than_half_answered(get, kept):
    keep_lines(FLEET, "now", kept)
    body, status = get(owner=["payments", "shop"])
    assert status == 400
    assert body["Message"] == "'owner' is given 2 times; a filter can be given once"


def test_without_any_filter_what_is_accepted_is_said():
    body, status = flow.find_findings(None, SimpleNamespace())
    assert (status, "accepted: vulnerability" in body["Message"]) == (400, True)


def test_before_the_first_digest_it_is_said_what_is_missing(get):
    body, status = get(package="zlib")
    assert status == 404
    assert "digests must be on" in body["Message"]


def test_without_a_bucket_it_is_said_what_is_missing():
    variables = {"DIGEST": "true"}
    services = Services(Settings.from_environment(variables))
    body, status = flow.find_findings(MultiDict({"package": ["zlib"]}), services)
    assert status == 404
    assert "REPORT_BUCKET_NAME is not set" in body["Message"]


def test_without_digests_it_is_said_that_nothing_is_kept():
    services = Services(Settings.from_environment({"DIGEST": "false"}))
    body, status = flow.find_findings(MultiDict({"package": ["zlib"]}), services)
    assert (status, "DIGEST" in body["Message"]) == (404, True)


@pytest.mark.parametrize(
    ("body", "said"),
    [(None, "missing"), (b"", "empty"), (b"\x1f\x8bxx", "damaged"), (b"<html>", "damaged")],
)
def test_kept_findings_that_cannot_be_read_are_an_error_and_not_nothing_found(
    get, kept, body, said
):
    keep_lines(FLEET, "now", kept)
    [key] = (key for key in kept.objects if key.endswith(".jsonl.gz"))
    kept.objects[key] = body
    answer, status = get(package="zlib")
    assert status == 500
    assert f"s3://reports/{key} is {said}; the next digest keeps it anew" in answer["Message"]


def test_an_answer_that_is_too_long_has_the_first_findings(get, kept, monkeypatch):
    keep_lines(FLEET, "now", kept)
    monkeypatch.setattr(flow, "MOST_BYTES", 1200)
    body, _ = get(package="openssl")
    assert len(body["findings"]) == 1
    assert body["matches"] == 2
