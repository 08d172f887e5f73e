"""What the fleet report says of all repositories together."""

from dataclasses import replace

from tests.fleets import CURL, OPENSSL, ZLIB, example, looked_at, report_of, without


def test_the_repository_with_most_of_the_worst_severity_comes_first():
    report = report_of(
        looked_at("many-low", *[CURL] * 9), looked_at("clean"), looked_at("one", ZLIB)
    )
    worse = looked_at("two", OPENSSL)
    report = replace(report, repositories=(*report.repositories, worse))
    assert [each.repository.name for each in report.worst] == ["two", "one", "many-low"]


def test_totals_count_every_severity():
    report = report_of(looked_at("a", OPENSSL, ZLIB), looked_at("b", ZLIB))
    assert report.totals == {
        "CRITICAL": 1,
        "HIGH": 2,
        "MEDIUM": 0,
        "LOW": 0,
        "INFORMATIONAL": 0,
        "UNDEFINED": 0,
    }
    assert report.open_findings == 3
    assert report.fix_summary == "1 of 3 has a known fix; of 2 the scanner does not tell."


def test_what_is_accepted_or_left_out_is_counted_apart():
    report = example()
    assert [(each.repository.name, each.finding.identifier) for each in report.accepted] == [
        ("shop/api", "CVE-2025-0004"),
        ("shop/web", "CVE-2025-0004"),
        ("shop/api", "CVE-2025-0005"),
    ]
    assert report.left_out == {"without a fix": 1}
    assert report.open_findings == 7


def test_counts_of_what_was_not_seen():
    report = example()
    assert (report.images_never_scanned, report.scans_failed) == (2, 1)
    assert (report.images_unsupported, report.images_untold) == (1, 2)
    assert [each.repository.name for each in report.without_image] == ["charts/shop"]
    assert [each.repository.name for each in report.findings_unknown] == [
        "shop/broken",
        "shop/fresh",
        "tools/scratch",
    ]
    assert len(without(report, "shop/broken").findings_unknown) == 2
