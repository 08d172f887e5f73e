"""Amazon ECR: the repositories, their images and the scans of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.errors import code_of, is_throttling
from chalicelib.ecr.images import MANIFEST_LISTS, images_of
from chalicelib.ecr.indexes import entries_of
from chalicelib.ecr.last_scans import last_scan_of, scan_findings_of
from chalicelib.policy.due import Reason
from chalicelib.runtime.backoff import Throttled
from chalicelib.runtime.batches import batches
from chalicelib.settings.repository_tags import rule_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_ecr import ECRClient

    from chalicelib.ecr.images import Image
    from chalicelib.ecr.indexes import IndexEntry
    from chalicelib.ecr.last_scans import LastScan, ScanFindings
    from chalicelib.runtime.backoff import Backoff

PAGE_SIZE = 1000
"""The most that DescribeRepositories and DescribeImages return at once."""

MOST_FREQUENCIES = 25
"""The most repositories that BatchGetRepositoryScanningConfiguration takes."""

MOST_MANIFESTS = 100
"""The most images that BatchGetImage and DescribeImages take by name."""


class RepositoryDeleted(Exception):
    """The repository was deleted since it was listed."""


class TokenExpired(Exception):
    """ECR no longer knows the token of a page."""


@dataclass(frozen=True)
class ImagePage:
    """One page of a repository's images, and the token of the next one, if there is any."""

    images: list[Image]
    next_token: str | None


def at_once(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that waits for nothing."""
    return function(*arguments)


_SKIPPED = {
    "LimitExceededException": Reason.SCANNED_TODAY,
    "ImageNotFoundException": Reason.DELETED,
    "UnsupportedImageTypeException": Reason.UNSUPPORTED,
    "ImageArchivedException": Reason.ARCHIVED,
}


class Registry:
    """The private registry of the client's region, of the client's own account unless one is named.

    An account that is named is named to ECR too, so that a call which reaches another account's
    registry fails and touches nothing there.
    """

    def __init__(self, client: ECRClient, account: str | None = None) -> None:
        self._client = client
        self._registry: Any = {} if account is None else {"registryId": account}

    @property
    def region(self) -> str:
        """The region that the registry is in."""
        return self._client.meta.region_name

    def repositories(self, call: Callable[..., Any] = at_once) -> Iterator[str]:
        """The names of all repositories, a thousand a ``call``. Source: DescribeRepositories."""
        position: Any = {}
        while True:
            page = call(self._repositories_page, position)
            yield from (repository["repositoryName"] for repository in page["repositories"])
            if "nextToken" not in page:
                return
            position = {"nextToken": page["nextToken"]}

    def _repositories_page(self, position: Any) -> Any:
        return self._client.describe_repositories(
            maxResults=PAGE_SIZE, **position, **self._registry
        )

    def is_enhanced(self) -> bool:
        """Whether Amazon Inspector scans the registry. Source: GetRegistryScanningConfiguration."""
        answer = self._client.get_registry_scanning_configuration()
        return answer["scanningConfiguration"].get("scanType") == "ENHANCED"

    def scan_frequencies(
        self, repositories: Sequence[str], call: Callable[..., Any] = at_once
    ) -> dict[str, str]:
        """How the repositories are scanned: CONTINUOUS_SCAN, SCAN_ON_PUSH or MANUAL, by name.

        Twenty-five a ``call``. A repository that was deleted is left out.
        Source: BatchGetRepositoryScanningConfiguration.
        """
        frequencies: dict[str, str] = {}
        for names in batches(repositories, MOST_FREQUENCIES):
            answer = call(self._scanning_of, names)
            for configuration in answer.get("scanningConfigurations", ()):
                name = configuration["repositoryName"]
                frequencies[name] = configuration.get("scanFrequency", "MANUAL")
        return frequencies

    def _scanning_of(self, names: Sequence[str]) -> Any:
        return self._client.batch_get_repository_scanning_configuration(repositoryNames=names)

    def index_entries(
        self, repository: str, digests: Sequence[str]
    ) -> Mapping[str, tuple[IndexEntry, ...]]:
        """What image indexes list, by the index's digest, of those that there are.

        ECR counts this as a pull of the indexes. Source: BatchGetImage.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryDeleted: when there is no such repository.
        """
        entries: dict[str, tuple[IndexEntry, ...]] = {}
        for batch in batches(digests, MOST_MANIFESTS):
            try:
                answer = self._client.batch_get_image(
                    repositoryName=repository,
                    imageIds=[{"imageDigest": digest} for digest in batch],
                    acceptedMediaTypes=sorted(MANIFEST_LISTS),
                    **self._registry,
                )
            except ClientError as error:
                raise _meaning(error) from error
            for image in answer.get("images", ()):
                digest = image.get("imageId", {}).get("imageDigest", "")
                entries[digest] = entries_of(image.get("imageManifest", ""))
        return entries

    def repository_rules(self, arn: str) -> dict[str, str]:
        """The texts of the rules in a repository's tags, by rule. Source: ListTagsForResource.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryDeleted: when there is no such repository.
        """
        try:
            tags = self._client.list_tags_for_resource(resourceArn=arn).get("tags", ())
        except ClientError as error:
            raise _meaning(error) from error
        return rule_texts((tag["Key"], tag["Value"]) for tag in tags)

    def scan_findings(
        self,
        repository: str,
        digest: str,
        call: Callable[..., Any] = at_once,
    ) -> ScanFindings | None:
        """What the last scan of an image found; None when there was none.

        A thousand findings a call. Each page is one ``call``, which may wait out throttling, so
        that no page is read twice. Source: DescribeImageScanFindings.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryDeleted: when there is no such repository.
        """
        page = call(self._findings_page, repository, digest)
        pages = [page] if page else []
        while token := page.get("nextToken"):
            page = call(self._findings_page, repository, digest, PAGE_SIZE, token)
            pages.append(page)
        return scan_findings_of(pages) if pages else None

    def image_page(self, repository: str, next_token: str | None) -> ImagePage:
        """One page of a repository's images, archived ones too. Source: DescribeImages.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryDeleted: when there is no such repository.
        :raises TokenExpired: when ECR refuses the token.
        """
        position: Any = {} if next_token is None else {"nextToken": next_token}
        try:
            page = self._client.describe_images(
                repositoryName=repository,
                maxResults=PAGE_SIZE,
                filter={"imageStatus": "ANY"},
                **position,
                **self._registry,
            )
        except ClientError as error:
            if next_token is not None and code_of(error) == "InvalidParameterException":
                raise TokenExpired(repository) from error
            raise _meaning(error) from error
        return ImagePage(images_of(page["imageDetails"]), page.get("nextToken"))

    def image_pages(self, repository: str, backoff: Backoff) -> Iterator[list[Image]]:
        """All of a repository's images, a page at a time; waits where ECR asks for a slower pace.

        :raises DeadlineReached: when no time is left.
        :raises RepositoryDeleted: when there is no such repository.
        :raises TokenExpired: when ECR refuses the token of a page that it gave.
        """
        page = backoff.call(self.image_page, repository, None)
        yield page.images
        while page.next_token is not None:
            page = backoff.call(self.image_page, repository, page.next_token)
            yield page.images

    def existing(
        self, repository: str, names: Sequence[Mapping[str, str]], backoff: Backoff
    ) -> list[Image]:
        """Those of these images that there are, archived ones too; a hundred a call.

        ``names`` are ImageIdentifiers. ECR refuses all of them where one is not there, and is then
        asked for each half. Source: DescribeImages.

        :raises DeadlineReached: when no time is left.
        :raises RepositoryDeleted: when there is no such repository.
        """
        images: list[Image] = []
        waiting = [list(batch) for batch in batches(names, MOST_MANIFESTS)]
        while waiting:
            batch = waiting.pop()
            found = backoff.call(self._described, repository, batch)
            if found is None and len(batch) > 1:
                middle = len(batch) // 2
                waiting += [batch[middle:], batch[:middle]]
            images += found or []
        return images

    def _described(self, repository: str, names: Sequence[Mapping[str, str]]) -> list[Image] | None:
        """Images by name; None where one of them is not there."""
        request: Any = list(names)
        try:
            answer = self._client.describe_images(
                repositoryName=repository, imageIds=request, **self._registry
            )
        except ClientError as error:
            if code_of(error) == "ImageNotFoundException":
                return None
            raise _meaning(error) from error
        return images_of(answer["imageDetails"])

    def start_scan(self, repository: str, digest: str) -> Reason | None:
        """Start a scan; None when it started, otherwise why the image is skipped.

        An image that was already scanned within 24 hours counts as scanned.
        Source: StartImageScan.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryDeleted: when there is no such repository.
        """
        try:
            self._client.start_image_scan(
                repositoryName=repository, imageId={"imageDigest": digest}, **self._registry
            )
        except ClientError as error:
            if reason := _skipped(error):
                return reason
            raise _meaning(error) from error
        return None

    def last_scan(self, repository: str, digest: str) -> LastScan:
        """How an image's last scan stands. Source: DescribeImageScanFindings.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryDeleted: when there is no such repository.
        """
        return last_scan_of(self._findings_page(repository, digest, 1))

    def _findings_page(
        self, repository: str, digest: str, most: int = PAGE_SIZE, token: str | None = None
    ) -> Mapping[str, Any]:
        """One page of what is known of the last scan; nothing when there was none."""
        position: Any = {} if token is None else {"nextToken": token}
        try:
            return self._client.describe_image_scan_findings(
                repositoryName=repository,
                imageId={"imageDigest": digest},
                maxResults=most,
                **position,
                **self._registry,
            )
        except ClientError as error:
            if code_of(error) in {"ScanNotFoundException", "ImageNotFoundException"}:
                return {}
            raise _meaning(error) from error


def _skipped(error: ClientError) -> Reason | None:
    """Why ECR starts no scan, where that is no failure.

    The two daily limits and the refusal under enhanced scanning have no code of their own, so
    the message tells.
    """
    message = str(error).lower()
    if code_of(error) == "LimitExceededException" and "registry" in message:
        return Reason.DAILY_LIMIT
    if code_of(error) == "ValidationException" and ("disabled" in message or "enhanced" in message):
        return Reason.CONTINUOUSLY_SCANNED
    return _SKIPPED.get(code_of(error))


def _meaning(error: ClientError) -> Exception:
    if is_throttling(error):
        return Throttled(str(error))
    if code_of(error) == "RepositoryNotFoundException":
        return RepositoryDeleted(str(error))
    return error
