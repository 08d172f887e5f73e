"""What a function loads: its own flow and no other, and no AWS SDK before it needs one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PURE = ("policy", "ecr", "settings", "text")
FLOWS = {
    "list_repositories": ("scanning.list_repositories", "scanning"),
    "scan_images": ("scanning.scan_images", "scanning"),
    "start_scans": ("scanning.start_scans", "scanning"),
    "show_listing": ("scanning.start_scans", "scanning"),
    "notify": ("notifying.notify", "notifying"),
    "send_reports": ("notifying.send_reports", "notifying"),
    "report_fleet": ("fleet.report_fleet", "fleet"),
    "find_findings": ("fleet.find_findings", "fleet"),
    "refresh_feeds": ("fleet.refresh_feeds", "fleet"),
}
"""By function: the module that it imports in its first line, and that module's folder."""


def loaded(*modules):
    """The names of all modules that are loaded once these are imported."""
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def folders(modules):
    """The folders of ``chalicelib`` that modules are in."""
    parts = (name.split(".") for name in modules if name.startswith("chalicelib."))
    return {part[1] for part in parts if len(part) > 2}


def test_deciding_needs_no_aws_sdk_even_indirectly():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in PURE
        for path in (ROOT / "chalicelib" / folder).rglob("*.py")
        if path.stem != "__init__"
    ]
    assert not loaded(*modules) & {"boto3", "botocore", "chalice"}


def test_starting_a_function_loads_no_flow_and_neither_boto3_nor_anything_for_development():
    modules = loaded("app")
    assert not modules & {"boto3", "botocore", "jinja2", "moto", "local", "rich"}
    assert "ecr_scan_reporter" not in modules
    assert not folders(modules) & {"scanning", "notifying", "fleet"}


@pytest.mark.parametrize("function", FLOWS)
def test_a_function_loads_its_own_flow_and_no_other(function):
    module, folder = FLOWS[function]
    found = folders(loaded("app", f"chalicelib.{module}"))
    assert found & {"scanning", "notifying", "fleet"} == {folder}


def test_every_function_of_the_application_has_its_flow(load_app):
    assert load_app().app.handler_map.keys() | {"start_scans", "show_listing"} == FLOWS.keys()
