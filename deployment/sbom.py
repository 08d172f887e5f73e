"""What ships to Lambda, as a software bill of materials in CycloneDX's JSON.

Made from the zip file itself: the packages whose metadata is in it, and Chalice's runtime, which
Chalice puts there without any. boto3 is not listed, since the Lambda runtime brings it.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from email.parser import HeaderParser
from importlib import metadata
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZipFile

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from deployment.packages import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from importlib.metadata import PackageMetadata
    from pathlib import Path

VENDORED = "chalice"
"""The distribution whose runtime Chalice copies into the zip file."""


def bill_of_materials(code: Path) -> str:
    """The bill of materials of a zip file; the same file always gives the same bill."""
    digest = hashlib.sha256(code.read_bytes()).hexdigest()
    application = _application(digest)
    libraries = list(_libraries(code))
    bom = Bom(components=libraries, serial_number=uuid5(NAMESPACE_URL, digest))
    bom.metadata.component = application
    bom.register_dependency(application, libraries)
    document = JsonV1Dot6(bom)
    # A time would make two bills of one file differ.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    return document.output_as_string(indent=2)


def _application(digest: str) -> Component:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return Component(
        type=ComponentType.APPLICATION,
        name=project["name"],
        version=project["version"],
        description=project["description"],
        licenses=[LicenseFactory().make_from_string(project["license"])],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        bom_ref=project["name"],
    )


def _libraries(code: Path) -> Iterator[Component]:
    with ZipFile(code) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".dist-info/METADATA"):
                yield _library(HeaderParser().parsestr(archive.read(name).decode()))
    yield _library(metadata.metadata(VENDORED))


def _library(about: Message | PackageMetadata) -> Component:
    # As package indexes and advisories write it. Source: PEP 503.
    name, version = re.sub(r"[-_.]+", "-", about["Name"]).lower(), about["Version"]
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        description=about["Summary"],
        licenses=[LicenseFactory().make_from_string(_licence(about))],
        purl=purl,
        bom_ref=str(purl),
    )


def _licence(about: Message | PackageMetadata) -> str:
    """The licence: in the present form, in the older one, or else as the classifier names it.

    Source: Python packaging user guide, "Core metadata specifications".
    """
    for field in ("License-Expression", "License"):
        if field in about:
            return str(about[field])
    classifiers = about.get_all("Classifier") or []
    return next(
        text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License :: ")
    )
