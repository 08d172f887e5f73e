"""What the status of a scan means."""

import boto3
import pytest

from chalicelib.ecr.scan_statuses import ScanKind, kind_of

UNSUPPORTED = (
    "UnsupportedImageError: The operating system and/or package manager are not supported."
)


@pytest.mark.parametrize(
    ("status", "description", "kind"),
    [
        (None, "", ScanKind.NONE),
        ("", "", ScanKind.NONE),
        ("COMPLETE", "The scan was completed successfully.", ScanKind.KNOWN),
        ("ACTIVE", "Continuous scan is selected for image.", ScanKind.KNOWN),
        ("INITIAL_SCAN_COMPLETE", "", ScanKind.KNOWN),
        ("FAILED", "", ScanKind.FAILED),
        ("FAILED", "ScanError: timed out", ScanKind.FAILED),
        ("FAILED", UNSUPPORTED, ScanKind.UNSUPPORTED),
        ("COMPLETE", UNSUPPORTED, ScanKind.KNOWN),
        ("UNSUPPORTED_IMAGE", "", ScanKind.UNSUPPORTED),
        ("SOMETHING_NEW", "", ScanKind.UNKNOWN),
    ],
)
def test_status_and_description_together_say_how_a_scan_stands(status, description, kind):
    assert kind_of(status, description) is kind


def test_every_status_that_ecr_has_is_known_here(aws):
    statuses = boto3.client("ecr").meta.service_model.shape_for("ScanStatus").enum
    assert [status for status in statuses if kind_of(status) is ScanKind.UNKNOWN] == []
