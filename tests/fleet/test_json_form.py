"""The JSON form of the fleet report: by its schema, and read back as it was."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from chalicelib.fleet.formats.json_form import to_json
from chalicelib.fleet.formats.json_reader import ReportError, from_json
from tests.fleets import CURL, OPENSSL, ZLIB, example, fleet_of, fleet_reports

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/fleet-report-2.json").read_text())


@given(fleet_reports)
def test_json_is_read_back_as_it_was_and_follows_its_schema(report):
    text = to_json(report)
    assert from_json(text) == report
    assert text.isascii()
    jsonschema.validate(json.loads(text), SCHEMA)


def test_the_example_follows_the_schema_and_the_schema_notices_what_is_wrong():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(to_json(example()))
    jsonschema.validate(document, SCHEMA)
    document["repositories"][0]["counts"]["SEVERE"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_what_is_last_known_has_its_date_and_what_is_unknown_is_listed():
    document = json.loads(to_json(example()))
    dates = {each["name"]: each["asOf"] for each in document["repositories"]}
    assert dates["shop/secret"] == "2026-02-09T06:00:00+00:00"
    assert dates["shop/broken"] == "2026-02-23T06:00:00+00:00"
    assert dates["shop/api"] is None
    assert {each["name"] for each in document["unknown"]} == {
        *("", "shop/broken", "shop/fresh", "shop/secret", "tools/scratch")
    }


def test_a_finding_of_many_repositories_is_written_once():
    text = to_json(fleet_of(1000, [OPENSSL, ZLIB, CURL]))
    assert text.count("A heap overflow.") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no fleet report: Expecting value"),
        ("[]", "no fleet report"),
        ("{}", "no fleet report: 'version' is missing"),
        ('{"version": "1"}', "version is '1'; accepted: a fleet report of version '2'"),
        ('{"version": "2"}', "'findings' is missing"),
        (b"\xff\xfe\xfd", "no fleet report"),
        ("[" * 100_000, "no fleet report"),
    ],
)
def test_what_is_no_report_is_an_error_that_says_why(text, message):
    with pytest.raises(ReportError, match=message):
        from_json(text)


def test_a_severity_that_there_is_none_of_is_an_error_that_says_which_there_are():
    document = json.loads(to_json(example()))
    document["findings"][0]["severity"] = "SEVERE"
    with pytest.raises(ReportError, match="severity is 'SEVERE'; accepted: CRITICAL, HIGH"):
        from_json(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [
        {"generatedAt": "2026-01-01T00:00:00"},
        {"generatedAt": "yesterday"},
        {"findings": [{"id": "x"}]},
        {"repositories": [{}]},
        {"registries": [7]},
        {"expiredRisks": [9]},
        {"deleted": [7]},
        {"notLookedAt": [{"account": "1", "region": "a", "name": "b", "reason": "c"}]},
        {"risks": [{"reason": "x", "expires": "soon"}]},
    ],
)
def test_a_report_with_a_wrong_value_is_an_error(change):
    with pytest.raises(ReportError):
        from_json(json.dumps(json.loads(to_json(example())) | change))
