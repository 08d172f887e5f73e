"""Which private registries one deployment covers: accounts, by role, and regions."""

import re
from dataclasses import dataclass

ACCEPTED_REGIONS = "AWS regions, separated by commas (eu-west-1,us-gov-west-1)"
ACCEPTED_ROLES = "ARNs of IAM roles of different accounts, separated by commas"
ACCEPTED_EXTERNAL_IDS = "2 to 1224 letters, digits and any of _+=,.@:/-"

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}", re.ASCII)
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/[\w+=,.@/-]{1,576}", re.ASCII)
# Source: STS AssumeRole, ExternalId.
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


@dataclass(frozen=True)
class RegistryAddress:
    """A registry, by account and region; None stands for the function's own."""

    account: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        return f"{self.account or 'own account'}/{self.region or 'own region'}"


OWN_REGISTRY = RegistryAddress()


@dataclass(frozen=True)
class Role:
    """An IAM role to assume, and the external id that it may ask for."""

    arn: str
    external_id: str | None = None

    @property
    def account(self) -> str:
        """The account that the role belongs to."""
        return self.arn.split(":")[4]


def parse_regions(text: str) -> tuple[str, ...]:
    """Read regions separated by commas, each once.

    :raises ValueError: when one is not a region's name.
    """
    return _each(text, _REGION)


def parse_role_arns(text: str) -> tuple[str, ...]:
    """Read role ARNs separated by commas, one an account.

    :raises ValueError: when one is not a role's ARN, and when two are of the same account.
    """
    arns = _each(text, _ROLE_ARN)
    if len({Role(arn).account for arn in arns}) < len(arns):
        raise ValueError(text)
    return arns


def parse_external_id(text: str) -> str:
    """Read an external id; :raises ValueError: when STS would refuse it."""
    if not _EXTERNAL_ID.fullmatch(text):
        raise ValueError(text)
    return text


def _each(text: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not all(pattern.fullmatch(part) for part in parts):
        raise ValueError(text)
    return parts
