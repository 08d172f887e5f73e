"""Which repositories have a vulnerability: by the last kept state, without a call to ECR."""

import gzip
import json
import re
from dataclasses import replace

import pytest

from chalicelib.ecr.findings import Finding, Package
from chalicelib.fleet.find import MOST_FOUND, NothingKept, Query, WrongFilter, find
from chalicelib.fleet.finding_lines import STATE_KEY, keep_lines
from chalicelib.fleet.model import Repository
from chalicelib.fleet.report import FleetReport
from deployment.packages import PROJECT
from tests.fleet.test_histories import aged, an_age
from tests.fleets import BASH, CURL, HOSTILE_FINDING, NOW, OPENSSL, ZLIB, example, looked_at


class Kept:
    """A bucket in memory."""

    name = "reports"

    def __init__(self):
        self.objects = {}

    def put(self, key, body, content_type):
        self.objects[key] = body if isinstance(body, bytes) else body.encode()

    def read(self, key):
        return self.objects.get(key)

    def get(self, key):
        return self.objects[key].decode() if key in self.objects else None


RUNNING = looked_at(
    "shop/web",
    OPENSSL,
    replace(CURL, known_exploited=False),
    running=("ECS service web",),
    in_use=frozenset({OPENSSL.key}),
    owner="",
)
FLEET = FleetReport(
    NOW,
    registries=(Repository("123456789012", "eu-west-1", ""),),
    repositories=(
        aged(
            looked_at("shop/api", OPENSSL, ZLIB, owner="Payments", running=()),
            openssl=an_age(23, -16),
            zlib=an_age(3, 27),
        ),
        RUNNING,
        looked_at("shop/odd", HOSTILE_FINDING, left_out={"without a fix": (BASH,)}),
    ),
)


@pytest.fixture
def bucket():
    kept = Kept()
    keep_lines(FLEET, "2026-03-02T06-00-00Z", kept)
    return kept


def found(bucket, **filters):
    filters = {name.replace("_", "-"): value for name, value in filters.items()}
    answer = find(Query.of(filters), bucket)
    return [(each["repository"], each["vulnerability"]) for each in answer.findings]


def test_a_vulnerability_is_found_in_every_repository_where_it_runs_first(bucket):
    assert found(bucket, vulnerability="cve-2026-0001") == [
        ("shop/web", "CVE-2026-0001"),
        ("shop/api", "CVE-2026-0001"),
    ]


@pytest.mark.parametrize(
    ("filters", "repositories"),
    [
        ({"package": "openssl"}, {"shop/web", "shop/api"}),
        ({"any": "LIBSSL3"}, {"shop/web", "shop/api"}),
        ({"vulnerability": "CVE-2026-0001", "owner": "payments"}, {"shop/api"}),
        ({"severity": "critical", "running": "true"}, {"shop/web"}),
        ({"overdue": "true"}, {"shop/api"}),
        ({"known_exploited": "true", "overdue": "unknown"}, {"shop/web"}),
        ({"overdue": "false"}, {"shop/api"}),
        ({"running": "false"}, {"shop/api", "shop/web"}),
        ({"running": "unknown"}, {"shop/odd"}),
        ({"known_exploited": "false"}, {"shop/web"}),
        ({"owner": "unowned"}, {"shop/web"}),
        ({"owner": "Unknown"}, {"shop/odd"}),
        ({"status": "left out"}, {"shop/odd"}),
        ({"repository": "shop/api", "package": "zlib"}, {"shop/api"}),
        ({"account": "123456789012", "region": "eu-west-1"}, {"shop/web", "shop/api", "shop/odd"}),
        ({"package": HOSTILE_FINDING.package_names[0]}, {"shop/odd"}),
        ({"vulnerability": "CVE-2026-000"}, set()),
        ({"owner": "zahlungsverkehr-é"}, set()),
    ],
)
def test_findings_match_all_filters(bucket, filters, repositories):
    assert {repository for repository, _ in found(bucket, **filters)} == repositories


ADVISORY = Finding(
    "ALAS2023-2025-900",
    "CRITICAL",
    tuple(Package(f"perl-{number:02}", "1") for number in range(30)),
    related=tuple(f"CVE-2025-{number}" for number in range(38000, 38030)),
)
JARS = Finding(
    "CVE-2026-0006",
    "HIGH",
    (
        *(Package("log4j-api", "2.14", file_path=f"a/{number}.jar") for number in range(25)),
        Package("log4j-core", "2.14", file_path="b.jar"),
    ),
)


@pytest.mark.parametrize(
    ("filters", "vulnerability"),
    [
        ({"vulnerability": "CVE-2025-38000"}, "ALAS2023-2025-900"),
        ({"vulnerability": "CVE-2025-38029"}, "ALAS2023-2025-900"),
        ({"package": "perl-29"}, "ALAS2023-2025-900"),
        ({"any": "log4j-core"}, "CVE-2026-0006"),
    ],
)
def test_a_finding_is_found_by_each_of_its_names_however_many_it_has(
    bucket, filters, vulnerability
):
    report = replace(FLEET, repositories=(looked_at("shop/api", ADVISORY, JARS),))
    keep_lines(report, "2026-03-03T06-00-00Z", bucket)
    assert found(bucket, **filters) == [("shop/api", vulnerability)]


def test_a_package_that_is_there_many_times_is_named_once(bucket):
    report = replace(FLEET, repositories=(looked_at("shop/api", JARS),))
    keep_lines(report, "2026-03-03T06-00-00Z", bucket)
    [line] = find(Query.of({"vulnerability": "CVE-2026-0006"}), bucket).findings
    assert line["packages"] == ["log4j-api", "log4j-core"]


def test_an_answer_says_since_when_how_to_fix_it_and_what_is_not_known(bucket):
    [line] = find(
        Query.of({"vulnerability": "CVE-2026-0001", "owner": "payments"}), bucket
    ).findings
    assert (line["open_days"], line["overdue_days"]) == (23, 16)
    assert (line["fixed_version"], line["running_in"]) == ("3.0.2", [])
    [line] = find(Query.of({"package": "curl"}), bucket).findings
    assert line["first_seen"] is None
    assert line["overdue_days"] is None


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"cve": "CVE-2026-0001"}, "'cve' is no filter; accepted: vulnerability, package"),
        ({}, "no filter is given; accepted: vulnerability, package"),
        ({"overdue": "yes"}, "overdue is 'yes'; accepted: true, false, unknown"),
        ({"severity": "bad"}, "severity is 'bad'; accepted: CRITICAL"),
        ({"package": ""}, "package is ''; accepted: 1 to 256 characters"),
        ({"package": "x" * 257}, "accepted: 1 to 256 characters"),
    ],
)
def test_a_wrong_filter_is_refused_with_what_is_accepted(filters, says):
    with pytest.raises(WrongFilter) as error:
        Query.of(filters)
    assert says in str(error.value)


def test_before_the_first_digest_there_is_no_answer():
    with pytest.raises(NothingKept):
        find(Query.of({"package": "curl"}), Kept())


def test_what_is_beyond_an_answer_is_counted(bucket):
    many = (looked_at(f"shop/{number}", OPENSSL) for number in range(MOST_FOUND + 5))
    keep_lines(replace(FLEET, repositories=tuple(many)), "2026-03-03T06-00-00Z", bucket)
    answer = find(Query.of({"package": "openssl"}), bucket)
    assert len(answer.findings) == MOST_FOUND
    assert answer.matches == answer.repositories == MOST_FOUND + 5


def test_the_last_kept_state_answers_also_where_nothing_is_open_any_more(bucket):
    keep_lines(replace(FLEET, repositories=()), "2026-03-03T06-00-00Z", bucket)
    assert found(bucket, package="openssl") == []


def test_lines_are_kept_by_date_and_account_and_done_again_are_the_same(bucket):
    keys = json.loads(bucket.objects[STATE_KEY])["keys"]
    assert keys == [
        "fleet-reports/findings/date=2026-03-02/account=123456789012/2026-03-02T06-00-00Z.jsonl.gz"
    ]
    before = dict(bucket.objects)
    keep_lines(FLEET, "2026-03-02T06-00-00Z", bucket)
    assert bucket.objects == before


def test_every_finding_of_a_fleet_is_one_flat_line(bucket):
    report = example()
    keep_lines(report, "2026-03-03T06-00-00Z", bucket)
    lines = []
    for key in json.loads(bucket.objects[STATE_KEY])["keys"]:
        lines += map(json.loads, gzip.decompress(bucket.objects[key]).splitlines())
    assert len(lines) == sum(len(list(each.all_findings)) for each in report.repositories)
    assert len({tuple(line) for line in lines}) == 1
    flat = (str, int, float, bool, type(None), list)
    assert all(isinstance(value, flat) for line in lines for value in line.values())


def test_the_table_for_athena_has_the_columns_of_the_lines(bucket):
    statement = (PROJECT / "docs" / "exports.md").read_text()
    columns = statement.partition("CREATE EXTERNAL TABLE ecr_findings (")[2].partition("\n)")[0]
    [line, *_] = find(Query.of({"package": "zlib"}), bucket).findings
    assert re.findall(r"(\w+) (?:string|double|boolean|int|array<string>)", columns) == list(line)
