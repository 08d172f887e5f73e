"""What the guide for contributors says of the project holds."""

import re

import pytest

from deployment.packages import PROJECT

GUIDE = (PROJECT / "CONTRIBUTING.md").read_text()
TABLE = GUIDE.partition("## Where a change goes")[2].partition("\n### ")[0]
ROWS = re.findall(r"^\| ((?!Change|---).*?) \| (.*?) \| (.*?) \|$", TABLE, re.MULTILINE)
RECIPES = re.findall(r"^### (.*?)\n(.*?)(?=^##)", GUIDE, re.MULTILINE | re.DOTALL)
# What is named so is a path, from the project's root; other code is a name.
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+|[\w-]+\.md)`")
PLACEHOLDERS = {"chalicelib/notifying/channels/NAME.py"}


def test_there_is_a_row_for_every_recipe():
    linked = {name.lower() for name in re.findall(r"#([\w-]+)\)", TABLE)}
    recipes = {title.lower().replace(" ", "-") for title, _ in RECIPES}
    assert len(recipes) >= 5
    assert recipes == linked - {"folders"}


@pytest.mark.parametrize(("change", "files", "tests"), ROWS, ids=[row[0] for row in ROWS])
def test_a_change_of_each_kind_touches_four_files_at_most_and_has_a_test(change, files, tests):
    assert len(PATH.findall(files)) <= 4
    assert PATH.findall(tests)
    missing = [path for path in PATH.findall(files + tests) if not (PROJECT / path).exists()]
    assert missing == []


def test_every_path_that_is_named_is_there():
    named = set(PATH.findall(GUIDE)) - PLACEHOLDERS
    assert len(named) > 20
    assert [path for path in sorted(named) if not (PROJECT / path).exists()] == []


@pytest.mark.parametrize(("title", "steps"), RECIPES, ids=[title for title, _ in RECIPES])
def test_a_recipe_has_four_steps_at_most(title, steps):
    assert 1 <= len(re.findall(r"^\d\. ", steps, re.MULTILINE)) <= 4


def test_names_that_the_guide_leans_on_are_in_the_files():
    for name, path in {
        "SENDERS": "chalicelib/notifying/channels/__init__.py",
        "by_email": "chalicelib/settings/table/reporting.py",
        "class Kind": "chalicelib/settings/kinds.py",
        "class Reason": "chalicelib/policy/due.py",
        "ADAPTERS": "tests/deployment/test_permissions.py",
        "class Permission": "deployment/policies.py",
    }.items():
        assert name in (PROJECT / path).read_text(), path
