"""The bill of materials names everything that ships, and nothing else."""

import hashlib
import json
import re
from importlib.metadata import files, version
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deployment.packages import PROJECT
from deployment.sbom import VENDORED, bill_of_materials

OWN = {"app.py", "chalicelib"}


@pytest.fixture(scope="module")
def bill(code: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(bill_of_materials(code))
    return parsed


def top_level(path: str) -> str:
    return path.partition("/")[0]


def test_is_valid_cyclonedx(code: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill_of_materials(code)) is None


def test_of_one_file_is_always_the_same(code: Path) -> None:
    assert bill_of_materials(code) == bill_of_materials(code)


def test_covers_every_file_of_the_zip(code: Path, bill: dict[str, Any]) -> None:
    covered = OWN | {VENDORED}
    for component in bill["components"]:
        covered |= {top_level(str(path)) for path in files(component["name"]) or ()}
    with ZipFile(code) as archive:
        assert {top_level(name) for name in archive.namelist()} <= covered


def test_names_no_library_that_does_not_ship(code: Path, bill: dict[str, Any]) -> None:
    with ZipFile(code) as archive:
        shipped = {top_level(name) for name in archive.namelist()}
    for component in bill["components"]:
        modules = {top_level(str(path)) for path in files(component["name"]) or ()}
        assert modules & shipped, component["name"]


def test_has_the_versions_that_are_pinned_and_that_of_chalices_runtime(
    bill: dict[str, Any],
) -> None:
    pins = re.findall(r"^([\w-]+)==(\S+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    found = {component["name"]: component["version"] for component in bill["components"]}
    assert found == dict(pins) | {VENDORED: version(VENDORED)}


def test_says_which_file_it_is_about(code: Path, bill: dict[str, Any]) -> None:
    application = bill["metadata"]["component"]
    [digest] = application["hashes"]
    assert application["name"] == "ecr-scan-reporter"
    assert digest["content"] == hashlib.sha256(code.read_bytes()).hexdigest()
    [depends] = [d for d in bill["dependencies"] if d["ref"] == application["bom-ref"]]
    assert sorted(depends["dependsOn"]) == sorted(c["bom-ref"] for c in bill["components"])
