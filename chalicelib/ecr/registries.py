"""Which private registries one deployment covers: accounts, by role, and regions."""

import re
from dataclasses import dataclass

ACCEPTED_REGIONS = "AWS regions, separated by commas (eu-west-1,us-gov-west-1)"
ACCEPTED_ROLES = "ARNs of IAM roles of different accounts, separated by commas"
ACCEPTED_EXTERNAL_IDS = "2 to 1224 letters, digits and any of _+=,.@:/-"

# All of texts as a whole; of regular expressions as Python, Java and JavaScript know them.
REGION_PATTERN = "[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}"
REGIONS_PATTERN = f"{REGION_PATTERN}(,{REGION_PATTERN})*"
ROLE_PATTERN = "arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=.@/-]{1,576}"
# The beginning refuses a second role of an account.
ROLES_PATTERN = rf"(?!.*::([0-9]{{12}}):.*::\1:){ROLE_PATTERN}(,{ROLE_PATTERN})*"
# Source: STS AssumeRole, ExternalId.
EXTERNAL_ID_PATTERN = "[A-Za-z0-9_+=,.@:/-]{2,1224}"


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
    return _each(text, REGIONS_PATTERN)


def parse_roles(text: str) -> tuple[Role, ...]:
    """Read role ARNs separated by commas, one an account.

    :raises ValueError: when one is not a role's ARN, and when two are of the same account.
    """
    return tuple(Role(arn) for arn in _each(text, ROLES_PATTERN))


def parse_external_id(text: str) -> str:
    """Read an external id; :raises ValueError: when STS would refuse it."""
    if not re.fullmatch(EXTERNAL_ID_PATTERN, text):
        raise ValueError(text)
    return text


def _each(text: str, pattern: str) -> tuple[str, ...]:
    if not re.fullmatch(pattern, text):
        raise ValueError(text)
    return tuple(dict.fromkeys(text.split(",")))
