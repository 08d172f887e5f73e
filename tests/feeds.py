"""Feeds to test with, in the formats in which CISA and FIRST publish theirs."""

import gzip
import json
from datetime import UTC, datetime

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
LISTED = {"CVE-2021-44228": "2021-12-10", "CVE-2024-3094": "2024-04-01"}
SCORES = {"CVE-2021-44228": 0.97565, "CVE-2024-3094": 0.86, "CVE-2026-0002": 0.00043}


def kev(listed=None, released="2026-03-01T15:00:04.6846Z", **fields):
    """CISA's catalogue, with these entries."""
    listed = LISTED if listed is None else listed
    document = {
        "title": "CISA Catalog of Known Exploited Vulnerabilities",
        "catalogVersion": "2026.03.01",
        "dateReleased": released,
        "count": len(listed),
        "vulnerabilities": [
            {
                "cveID": name,
                "vendorProject": "A vendor",
                "product": "A product",
                "vulnerabilityName": f"The flaw {name}",
                "dateAdded": added,
                "shortDescription": "What it does.",
                "requiredAction": "Update.",
                "dueDate": added,
                "knownRansomwareCampaignUse": "Unknown",
                "notes": "",
                "cwes": ["CWE-502"],
            }
            for name, added in listed.items()
        ],
    }
    return json.dumps({**document, **fields}).encode()


def epss_text(scores=None, dated="2026-03-02T00:00:00Z"):
    """FIRST's scores, as they are once unpacked."""
    scores = SCORES if scores is None else scores
    lines = [f"#model_version:v2025.03.14,score_date:{dated}", "cve,epss,percentile"]
    lines += [f"{name},{score},0.5" for name, score in scores.items()]
    return "\n".join(lines).encode() + b"\n"


def epss(scores=None, dated="2026-03-02T00:00:00Z"):
    """FIRST's scores, as they are sent."""
    return gzip.compress(epss_text(scores, dated), mtime=0)
