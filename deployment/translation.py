"""The packaged template as CloudFormation makes it: SAM translated to plain resources."""

from copy import deepcopy

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from deployment.packages import Package, Template


def plain_template(package: Package, bucket: str, key: str) -> Template:
    """The packaged template without SAM; its code is in a bucket."""
    template = deepcopy(package.template)
    for resource in template["Resources"].values():
        if "CodeUri" in resource["Properties"]:
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    plain: Template = Translator({}, Parser()).translate(template, {})
    # SAM keeps an API's metadata, the reasons of skipped checks among them, off the stage.
    plain["Resources"]["RestAPIapiStage"]["Metadata"] = template["Resources"]["RestAPI"]["Metadata"]
    return plain
