"""Which module may know of AWS, and which may not."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OUTSIDE_AWS = sorted(
    path
    for path in (ROOT / "chalicelib").rglob("*.py")
    if path.parent.name != "aws"
)
PURE = [
    *("accepted_risks", "alerts", "batches", "budgets", "changes", "decisions"),
    *("durations", "event_context", "fields", "findings", "fleet", "gates"),
    *("history", "image_uris", "images", "images_in_use", "indexes", "jobs"),
    *("list_sources", "lister", "listing_requests", "messages", "notifier", "pace"),
    *("patience", "patterns", "registries", "reporting", "reports", "reviews"),
    *("rules", "scan_events", "schedules", "selection", "services", "settings"),
    *("templating", "thresholds", "time_left", "uses", "values", "delivery"),
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
    impure = {
        "__init__",
        "digests",
        "events",
        "gather",
        "logs",
        "planner",
        "plans",
        "scanner",
        "work",
    }
    assert {path.stem for path in MODULES} == {*PURE, *impure}


def test_starting_a_function_loads_neither_boto3_nor_anything_for_development():
    unwanted = {"boto3", "jinja2", "moto", "local", "cli", "rich"}
    script = f"import sys, app; print(sorted({unwanted} & {{*sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
