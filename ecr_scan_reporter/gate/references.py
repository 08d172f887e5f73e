"""How an image is named on the command line."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.ecr.image_uris import ImageUri

ACCEPTED = "REPOSITORY[:TAG][@DIGEST], alone or behind ACCOUNT.dkr.ecr.REGION.amazonaws.com/"

# Stands for the host that a name without one does not say, so that one parser reads both.
_ANY_HOST = f"{0:012}.dkr.ecr.us-east-1.amazonaws.com"


class WrongReference(ValueError):
    """What is no name of an image: says what is accepted."""


@dataclass(frozen=True)
class Reference:
    """An image as it is named; ``account`` and ``region`` are None where the name has none.

    ``target`` is the digest, else the tag, else ``latest``.
    """

    text: str
    repository: str
    target: str
    account: str | None = None
    region: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read ``shop/api:1.4`` or a URI of private ECR; :raises WrongReference: for others."""
        if uri := ImageUri.parse(text):
            return cls(text, uri.repository, uri.reference, uri.registry, uri.region)
        if uri := ImageUri.parse(f"{_ANY_HOST}/{text}"):
            return cls(text, uri.repository, uri.reference)
        raise WrongReference(f"{text!r} is no image of private ECR; accepted: {ACCEPTED}")

    def in_region(self, region: str | None) -> Reference:
        """The same with the region that an option names; :raises WrongReference: for another's."""
        if region and self.region and region != self.region:
            raise WrongReference(f"{self.text} is in {self.region}, but --region is {region}")
        return Reference(
            self.text, self.repository, self.target, self.account, region or self.region
        )
