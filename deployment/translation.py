"""The packaged template as CloudFormation makes it: SAM translated to plain resources."""

from copy import deepcopy
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from deployment.packages import Package, Template
from local.environment import isolated_environment


def plain_template(package: Package, bucket: Any, key: str) -> Template:
    """The packaged template without SAM; its code is in a bucket, which may be a reference."""
    template = deepcopy(package.template)
    for resource in template["Resources"].values():
        if "CodeUri" in resource["Properties"]:
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    # The translation is the same for every region, but asks for one.
    with isolated_environment(AWS_DEFAULT_REGION="us-east-1"):
        plain: Template = Translator({}, Parser()).translate(template, {})
    # SAM keeps an API's metadata, the reasons of skipped checks among them, off the stage.
    plain["Resources"]["RestAPIapiStage"]["Metadata"] = template["Resources"]["RestAPI"]["Metadata"]
    return plain
