"""A release: the files that deploying without a clone takes, named after the version.

They are written to a directory of the version, and are meant to lie in a bucket under
``ecr-scan-reporter/VERSION/``: the template names the code by that key.
"""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import yaml

from deployment.packages import PROJECT, Package, Template, package
from deployment.sbom import bill_of_materials
from deployment.templates import serialized
from deployment.translation import plain_template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNTS_TEMPLATE = PROJECT / "deployment" / "accounts.yaml"
_ABOUT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
_NAME, VERSION = str(_ABOUT["name"]), str(_ABOUT["version"])

_CODE, _TEMPLATE = f"{_NAME}-{VERSION}.zip", f"{_NAME}-{VERSION}.json"
_SAM_TEMPLATE, _ACCOUNTS = f"{_NAME}-{VERSION}.sam.yaml", f"{_NAME}-{VERSION}-accounts.yaml"
_SHIPPED_AS_IT_IS = ("LICENSE", "README.md")

_BUCKET_PARAMETER = {
    "Type": "String",
    "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    "ConstraintDescription": "the name of a bucket in the region of the stack",
    "Description": f"The bucket, in the region of the stack, with {_NAME}/{VERSION}/{_CODE}",
}


def write_release(directory: Path, bucket: str, region: str) -> Path:
    """Write the release's files; the same sources make the same files.

    ``bucket`` and ``region`` are where they are meant to be uploaded, for the commands and the
    link that the release is installed with. Returns the directory of the version.
    """
    release = directory / VERSION
    shutil.rmtree(release, ignore_errors=True)
    packaged = package("prod", release)
    (release / "deployment.zip").rename(release / _CODE)
    (release / "sam.yaml").unlink()
    files = {
        _TEMPLATE: serialized(_template(packaged)),
        _SAM_TEMPLATE: yaml.safe_dump(_sam_template(packaged), sort_keys=False),
        _ACCOUNTS: ACCOUNTS_TEMPLATE.read_text(encoding="utf-8"),
        "sbom.json": bill_of_materials(release / _CODE),
        "INSTALL.md": _instructions(bucket, region),
        **{name: (PROJECT / name).read_text(encoding="utf-8") for name in _SHIPPED_AS_IT_IS},
    }
    for name, text in files.items():
        (release / name).write_text(text, encoding="utf-8")
    (release / "SHA256SUMS").write_text("".join(_checksums(release)))
    return release


def quick_create_link(bucket: str, region: str) -> str:
    """The page of CloudFormation's console that creates the stack.

    Source: CloudFormation user guide, "Create quick-create links for stacks".
    """
    given = {
        "templateURL": f"https://{bucket}.s3.{region}.amazonaws.com/{_key(_TEMPLATE)}",
        "stackName": _NAME,
        "param_CodeBucket": bucket,
    }
    console = f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}"
    return f"{console}#/stacks/create/review?{urlencode(given)}"


def _key(name: str) -> str:
    return f"{_NAME}/{VERSION}/{name}"


def _template(packaged: Package) -> Template:
    """Plain CloudFormation, which needs no more than CAPABILITY_IAM; the bucket is a parameter."""
    template = plain_template(packaged, {"Ref": "CodeBucket"}, _key(_CODE))
    template["Parameters"]["CodeBucket"] = _BUCKET_PARAMETER
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    interface["ParameterGroups"].insert(
        0, {"Label": {"default": "The release"}, "Parameters": ["CodeBucket"]}
    )
    interface["ParameterLabels"]["CodeBucket"] = {"default": "Bucket of the release"}
    return template


def _sam_template(packaged: Package) -> Template:
    """What ``sam package`` and ``sam publish`` take, for the AWS Serverless Application Repository.

    Source: SAM developer guide, "AWS SAM template Metadata section properties".
    """
    application: dict[str, Any] = {
        "Name": _NAME,
        "Description": str(_ABOUT["description"]),
        "Author": _NAME,
        "SpdxLicenseId": str(_ABOUT["license"]),
        "LicenseUrl": "LICENSE",
        "ReadmeUrl": "README.md",
        "Labels": ["ecr", "container-images", "vulnerabilities", "security"],
        "SemanticVersion": VERSION,
    }
    template = packaged.template
    metadata = template["Metadata"] | {"AWS::ServerlessRepo::Application": application}
    return template | {"Metadata": metadata, "Resources": _with_code(template["Resources"])}


def _with_code(resources: Template) -> Template:
    return {
        name: resource | {"Properties": resource["Properties"] | {"CodeUri": _CODE}}
        if resource["Type"] == "AWS::Serverless::Function"
        else resource
        for name, resource in resources.items()
    }


def _checksums(release: Path) -> Iterator[str]:
    """In the form that ``sha256sum --check`` reads."""
    for path in sorted(release.iterdir()):
        yield f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"


def _instructions(bucket: str, region: str) -> str:
    return f"""\
# Installing {_NAME} {VERSION}

Check the files, and put them into a bucket of your own, in the region of the stack:

    sha256sum --check SHA256SUMS
    aws s3 sync . s3://{bucket}/{_key("")} --region {region}

Then create the stack by one of these.

The console:

    {quick_create_link(bucket, region)}

The AWS CLI:

    aws cloudformation deploy --region {region} --stack-name {_NAME} --template-file {_TEMPLATE} \\
      --s3-bucket {bucket} --capabilities CAPABILITY_IAM \\
      --parameter-overrides CodeBucket={bucket} NotificationEmails=security@example.org

Terraform, with the module in terraform/ of the sources:

    module "ecr_scan_reporter" {{
      source     = "./terraform"
      bucket     = "{bucket}"
      release    = "{VERSION}"
      parameters = {{ NotificationEmails = "security@example.org" }}
    }}

{_ACCOUNTS} is for StackSets, in the other accounts and regions whose
registries are scanned. {_SAM_TEMPLATE} is for the AWS Serverless
Application Repository: `sam package`, then `sam publish`.
"""
