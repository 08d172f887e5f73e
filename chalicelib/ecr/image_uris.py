"""The URIs by which containers name images of private ECR registries."""

import re
from dataclasses import dataclass

# Sources: ECR user guide, "Making requests to Amazon ECR registries" (dual-stack names), and the
# partitions of botocore's endpoints.json (suffixes).
_HOST = re.compile(
    r"(?P<registry>\d{12})\."
    r"(?:dkr\.ecr(?:-fips)?\.(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d{1,2})\."
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk"
    r"|csp\.hci\.ic\.gov)"
    r"|dkr-ecr(?:-fips)?\.(?P<dual_stack_region>[a-z]{2,4}(?:-[a-z]+)+-\d{1,2})\."
    r"on\.(?:aws|amazonwebservices\.(?:com\.cn|eu)))",
    re.ASCII,
)
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class ImageUri:
    """An image of a private ECR registry; ``registry`` is the account's id."""

    host: str
    registry: str
    region: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ImageUri | None":
        """Read ``<host>/<repository>[:tag][@digest]``; None when it is no image of private ECR."""
        host_name, _, path = text.partition("/")
        path, at, digest = path.partition("@")
        repository, colon, tag = path.partition(":")
        host = _HOST.fullmatch(host_name)
        if (
            host is None
            or not _REPOSITORY.fullmatch(repository)
            or (colon and not _TAG.fullmatch(tag))
            or (at and not _DIGEST.fullmatch(digest))
        ):
            return None
        region = host["region"] or host["dual_stack_region"]
        return cls(host_name, host["registry"], region, repository, tag or None, digest or None)

    @property
    def reference(self) -> str:
        """What identifies the image in its repository: the digest, else the tag, else latest.

        A digest wins over a tag beside it, which may have moved on since.
        """
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"
