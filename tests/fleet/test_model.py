"""A repository of the fleet report."""

import pytest

from chalicelib.fleet.model import ImageScan, RepositoryReport
from tests.fleets import repository


@pytest.mark.parametrize(
    ("statuses", "known"),
    [
        (["COMPLETE"], True),
        (["ACTIVE", "COMPLETE"], True),
        (["COMPLETE", "UNSUPPORTED_IMAGE"], True),
        (["COMPLETE", "FAILED"], False),
        (["COMPLETE", None], False),
        (["UNSUPPORTED_IMAGE"], False),
        ([], False),
    ],
)
def test_the_findings_of_an_index_are_known_when_those_of_all_its_images_are(statuses, known):
    scans = tuple(ImageScan(f"sha256:{n}", status) for n, status in enumerate(statuses))
    assert RepositoryReport(repository("a"), "sha256:index", scans=scans).known is known
