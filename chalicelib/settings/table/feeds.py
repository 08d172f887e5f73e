"""The settings of what is known to be exploited."""

from chalicelib.settings.kinds import SWITCH, WEB_ADDRESS
from chalicelib.settings.rows import Setting, Values

KEV_ADDRESS = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
EPSS_ADDRESS = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"


class Exploited(Values):
    """Exploited vulnerabilities."""

    feeds = Setting(
        SWITCH,
        "FEEDS",
        default="false",
        key="exploited.feeds",
        parameter="Feeds",
        label="Fetch KEV and EPSS",
        description="Whether CISA's catalogue of known exploited vulnerabilities and FIRST's EPSS"
        " scores are fetched once a day",
        by_deployment=True,
        permissions=("KeepFeeds", "ReadFeeds", "ListReports"),
        example="true",
    )
    kev_address = Setting(
        WEB_ADDRESS,
        "KEV_ADDRESS",
        default=KEV_ADDRESS,
        key="exploited.kev",
        description="Where CISA's catalogue is fetched from, such as a mirror in a closed network",
        example="https://mirror.example/kev.json",
    )
    epss_address = Setting(
        WEB_ADDRESS,
        "EPSS_ADDRESS",
        default=EPSS_ADDRESS,
        key="exploited.epss",
        description="Where the EPSS scores are fetched from, packed by gzip or not",
        example="https://mirror.example/epss.csv.gz",
    )
