"""Which findings count, and why the others do not."""

from datetime import date

from chalicelib.policy.accepted_risks import AcceptedRisk, AcceptedRisks
from chalicelib.policy.counting import counted
from chalicelib.policy.finding_filters import LOW_SCORE, NO_FIX, FindingFilters
from tests.reports import a_finding

TODAY = date(2026, 11, 25)
ACCEPTED = AcceptedRisk("not reachable", date(2999, 1, 1), vulnerability="CVE-1")
EXPIRED = AcceptedRisk("reviewed", date(2020, 1, 1), vulnerability="CVE-2")
RISKS = AcceptedRisks((ACCEPTED, EXPIRED))


def test_each_finding_is_counted_or_accepted_or_left_out():
    one, two = a_finding("CVE-1"), a_finding("CVE-2")
    unfixed, low = a_finding("CVE-3", fix_available=False), a_finding("CVE-4", score=1.0)
    filters = FindingFilters(ignore_unfixed=True, minimum_score=4.0)
    apart = counted("shop/api", [one, two, unfixed, low], RISKS, filters, TODAY)
    assert apart.findings == (two,)
    assert apart.accepted == ((one, ACCEPTED),)
    assert apart.left_out == {NO_FIX: (unfixed,), LOW_SCORE: (low,)}
    assert apart.expired == (EXPIRED,)


def test_what_is_accepted_is_not_said_to_be_left_out_too():
    accepted = a_finding("CVE-1", fix_available=False)
    apart = counted("a", [accepted], RISKS, FindingFilters(ignore_unfixed=True), TODAY)
    assert (apart.findings, apart.left_out) == ((), {})
    assert apart.accepted == ((accepted, ACCEPTED),)
