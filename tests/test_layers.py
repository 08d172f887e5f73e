"""Which module may know of AWS, and which may not."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "chalicelib").glob("*.py"))
OUTSIDE_AWS = [*MODULES, *sorted((ROOT / "chalicelib/media").glob("*.py"))]
PURE = [
    *("alerts", "batches", "budgets", "event_context", "image_uris", "images_in_use", "indexes"),
    *("pace", "registries", "reviews", "rules", "selection", "values"),
    *("decisions", "durations", "fields", "images", "jobs", "lister", "listing_requests"),
    *(
        "accepted_risks",
        "changes",
        "findings",
        "gates",
        "list_sources",
        "messages",
        "notifier",
        "reports",
        "history",
        "reporting",
        "templating",
        "patience",
        "patterns",
        "scan_events",
        "schedules",
        "templating",
        "services",
    ),
    *("settings", "thresholds", "time_left"),
]


@pytest.mark.parametrize("path", OUTSIDE_AWS, ids=lambda path: path.stem)
def test_only_the_aws_package_imports_the_aws_sdk(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert not imported & {"boto3", "botocore"}


def test_deciding_needs_no_aws_sdk_even_indirectly():
    script = f"""
import importlib, sys
for name in {PURE!r}:
    importlib.import_module(f"chalicelib.{{name}}")
print([name for name in ("boto3", "botocore", "chalice") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_module_is_known_here_to_be_pure_or_not():
    impure = {"__init__", "events", "logs", "planner", "plans", "scanner", "work"}
    assert {path.stem for path in MODULES} == {*PURE, *impure}


def test_starting_a_function_loads_neither_boto3_nor_anything_for_development():
    script = (
        "import sys, app; print(sorted({'boto3', 'moto', 'local', 'cli', 'rich'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
