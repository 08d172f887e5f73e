"""News of several images, of any shape."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.notifying.collecting import news_of
from chalicelib.policy.ages import UNKNOWN_AGE, Age
from chalicelib.policy.news import INVENTORY, NEWS, Flaw, News
from chalicelib.policy.roundups import roundup_of
from tests.reports import REPORTS, TEXTS

COUNTS = st.dictionaries(st.sampled_from(SEVERITIES), st.integers(1, 10**6), max_size=6)
FLAWS = st.builds(
    Flaw,
    identifier=TEXTS.map(lambda text: text[:300]),
    packages=TEXTS.map(lambda text: text[:300]),
    severity=st.sampled_from(SEVERITIES),
    fixed_in=TEXTS.map(lambda text: text[:300]),
    is_exploitable=st.booleans(),
    url=st.sampled_from(["", "https://example.org/CVE-1"]),
    known_exploited=st.sampled_from([None, True, False]),
    epss=st.none() | st.floats(0, 1),
    age=st.sampled_from([UNKNOWN_AGE, Age(datetime(1970, 1, 1, tzinfo=UTC), date(1969, 12, 1))]),
)


@st.composite
def roundups(draw):
    """What one message is about: two images or more."""
    kind = draw(st.sampled_from([NEWS, INVENTORY]))
    reports = draw(st.lists(REPORTS, min_size=2, max_size=2))
    news = [news_of(report, {}, number, 0) for number, report in enumerate(reports)]
    more = draw(st.integers(0, 20))
    flaws = tuple(draw(st.lists(FLAWS, max_size=8)))
    news += [an_image(number, *flaws) for number in range(more)]
    return roundup_of([News(**{**vars(each), "kind": kind}) for each in news])


def an_image(number, *new, **fields):
    """News of one image with these new findings."""
    counts = {}
    for flaw in new:
        counts[flaw.severity] = counts.get(flaw.severity, 0) + 1
    defaults = {
        "key": f"news-{number}",
        "kind": NEWS,
        "at": number,
        "account": "123456789012",
        "region": "eu-west-1",
        "repository": f"svc/{number}",
        "name": f"svc/{number}:latest",
        "digest": "sha256:" + f"{number:064}",
        "time": "2026-03-01T12:00:00Z",
        "message": {},
        "counts": {severity: counts[severity] for severity in SEVERITIES if severity in counts},
        "new": new,
        "new_counts": counts,
    }
    return News(**{**defaults, **fields})
