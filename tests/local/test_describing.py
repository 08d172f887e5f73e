"""What the embedded ECR says of repositories, images, tags and manifests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.images import COSIGN_SIGNATURE, OCI_INDEX, OCI_MANIFEST
from tests.local.calls import (
    DAY,
    HOUR,
    REPOSITORY,
    UNKNOWN_DIGEST,
    describe_image,
    manifest,
    refusal,
)

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.ecr import Clock, LocalRegistry


class TestDescribeRepositories:
    @pytest.mark.parametrize(
        ("held", "page_size", "lengths"),
        [
            (0, 10, [0]),
            (9, 10, [9]),
            (10, 10, [10]),
            (11, 10, [10, 1]),
            (20, 10, [10, 10]),
            (3, 1, [1, 1, 1]),
            (1001, 1000, [1000, 1]),
        ],
    )
    def test_pages(
        self,
        registry: LocalRegistry,
        ecr: ECRClient,
        held: int,
        page_size: int,
        lengths: list[int],
    ) -> None:
        names = [f"team/service-{n:04}" for n in range(held)]
        for name in reversed(names):
            registry.add_repository(name)
        paginator = ecr.get_paginator("describe_repositories")
        pages = list(paginator.paginate(PaginationConfig={"PageSize": page_size}))
        assert [len(page["repositories"]) for page in pages] == lengths
        assert [one["repositoryName"] for page in pages for one in page["repositories"]] == names
        assert "nextToken" not in pages[-1]

    def test_a_page_has_100_by_default(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        for n in range(101):
            registry.add_repository(f"service-{n}")
        assert len(ecr.describe_repositories()["repositories"]) == 100

    def test_what_a_repository_tells(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.add_repository(REPOSITORY, scan_on_push=True)
        [repository] = ecr.describe_repositories()["repositories"]
        assert repository == {
            "repositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/shop/basket",
            "registryId": "123456789012",
            "repositoryName": "shop/basket",
            "repositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/basket",
            "createdAt": clock(),
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        }

    def test_by_name(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        for name in ("one", "two", "three"):
            registry.add_repository(name)
        answer = ecr.describe_repositories(repositoryNames=["two", "one"])
        assert [one["repositoryName"] for one in answer["repositories"]] == ["two", "one"]

    @pytest.mark.parametrize(
        ("parameters", "code"),
        [
            ({"repositoryNames": ["absent"]}, "RepositoryNotFoundException"),
            ({"repositoryNames": ["one"], "maxResults": 5}, "InvalidParameterException"),
            ({"repositoryNames": ["one"], "nextToken": "x"}, "InvalidParameterException"),
            ({"repositoryNames": ["one"] * 101}, "InvalidParameterException"),
            (
                {"repositoryNames": ["one"], "registryId": "210987654321"},
                "RepositoryNotFoundException",
            ),
            ({"maxResults": 1001}, "InvalidParameterException"),
            ({"nextToken": "nonsense"}, "InvalidParameterException"),
            ({"nextToken": "NQ=="}, "InvalidParameterException"),
        ],
    )
    def test_refusals(
        self, registry: LocalRegistry, ecr: ECRClient, parameters: Any, code: str
    ) -> None:
        registry.add_repository("one")
        assert refusal(ecr.describe_repositories, **parameters) == code


class TestDescribeImages:
    @pytest.mark.parametrize(
        ("held", "page_size", "lengths"),
        [
            (0, 1000, [0]),
            (1000, 1000, [1000]),
            (1001, 1000, [1000, 1]),
            (2000, 1000, [1000, 1000]),
            (3, 1, [1, 1, 1]),
        ],
    )
    def test_pages(
        self,
        registry: LocalRegistry,
        ecr: ECRClient,
        held: int,
        page_size: int,
        lengths: list[int],
    ) -> None:
        registry.add_repository(REPOSITORY)
        digests = [registry.add_image(REPOSITORY).digest for _ in range(held)]
        pages = list(
            ecr.get_paginator("describe_images").paginate(
                repositoryName=REPOSITORY, PaginationConfig={"PageSize": page_size}
            )
        )
        assert [len(page["imageDetails"]) for page in pages] == lengths
        assert [one["imageDigest"] for page in pages for one in page["imageDetails"]] == digests

    def test_an_image_deleted_between_pages_makes_none_be_skipped(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        digests = [registry.add_image(REPOSITORY).digest for _ in range(4)]
        first = ecr.describe_images(repositoryName=REPOSITORY, maxResults=2)
        registry.remove_image(REPOSITORY, digests[0])
        second = ecr.describe_images(
            repositoryName=REPOSITORY, maxResults=2, nextToken=first["nextToken"]
        )
        assert [image["imageDigest"] for image in second["imageDetails"]] == digests[2:]

    def test_a_token_of_another_repository_is_invalid(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        for _ in range(2):
            registry.add_image(REPOSITORY)
        registry.add_repository("other")
        token = ecr.describe_images(repositoryName=REPOSITORY, maxResults=1)["nextToken"]
        code = refusal(ecr.describe_images, repositoryName="other", nextToken=token)
        assert code == "InvalidParameterException"

    def test_one_detail_a_digest_with_all_its_tags(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        registry.add_image(REPOSITORY, tags=("1.0", "latest"))
        identifiers: Any = [{"imageTag": "1.0"}, {"imageTag": "latest"}]
        for parameters in ({}, {"imageIds": identifiers}):
            answer = ecr.describe_images(repositoryName=REPOSITORY, **parameters)
            assert [image["imageTags"] for image in answer["imageDetails"]] == [["1.0", "latest"]]

    def test_a_tag_moves_to_the_image_pushed_last(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        old = registry.add_image(REPOSITORY, tags=("latest",))
        new = registry.add_image(REPOSITORY, tags=("latest",))
        assert "imageTags" not in describe_image(ecr, old.digest)
        assert describe_image(ecr, new.digest)["imageTags"] == ["latest"]

    def test_a_digest_is_held_once(self, registry: LocalRegistry) -> None:
        image = registry.add_image(REPOSITORY)
        with pytest.raises(ValueError, match=image.digest):
            registry.add_image(REPOSITORY, digest=image.digest)

    def test_what_an_image_tells(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(
            REPOSITORY,
            tags=("1.0",),
            pushed_at=clock() - 3 * DAY,
            last_pulled_at=clock() - HOUR,
            findings={"LOW": 2, "CRITICAL": 1},
            scanned_at=clock() - 2 * DAY,
        )
        assert describe_image(ecr, image.digest) == {
            "registryId": "123456789012",
            "repositoryName": REPOSITORY,
            "imageDigest": image.digest,
            "imageTags": ["1.0"],
            "imageSizeInBytes": 52_428_800,
            "imagePushedAt": clock() - 3 * DAY,
            "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "artifactMediaType": "application/vnd.docker.container.image.v1+json",
            "lastRecordedPullTime": clock() - HOUR,
            "imageStatus": "ACTIVE",
        }

    @pytest.mark.parametrize("scan_type", ["BASIC", "ENHANCED"])
    @pytest.mark.parametrize("status", ["COMPLETE", "FAILED", "IN_PROGRESS", None])
    def test_nothing_is_said_of_scans_however_they_ended(
        self,
        registry: LocalRegistry,
        ecr: ECRClient,
        clock: Clock,
        scan_type: str,
        status: str | None,
    ) -> None:
        registry.scan_type = scan_type
        scanned_at = clock() - DAY if status else None
        image = registry.add_image(
            REPOSITORY, findings={"HIGH": 1}, scanned_at=scanned_at, scan_status=status
        )
        detail = describe_image(ecr, image.digest)
        assert detail.keys().isdisjoint({"imageScanStatus", "imageScanFindingsSummary"})

    def test_a_referrer_names_its_subject(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        subject = registry.add_image(REPOSITORY)
        signature = registry.add_image(
            REPOSITORY,
            media_type=OCI_MANIFEST,
            artifact_media_type=COSIGN_SIGNATURE,
            subject_digest=subject.digest,
        )
        detail = describe_image(ecr, signature.digest)
        assert detail["subjectManifestDigest"] == subject.digest
        assert detail["artifactMediaType"] == COSIGN_SIGNATURE

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, ["tagged", "untagged"]),
            ({"tagStatus": "ANY"}, ["tagged", "untagged"]),
            ({"tagStatus": "TAGGED"}, ["tagged"]),
            ({"tagStatus": "UNTAGGED"}, ["untagged"]),
            ({"imageStatus": "ARCHIVED"}, ["archived"]),
            ({"imageStatus": "ACTIVATING"}, ["activating"]),
            ({"imageStatus": "ANY"}, ["tagged", "untagged", "archived", "activating"]),
            ({"imageStatus": "ANY", "tagStatus": "TAGGED"}, ["tagged", "archived"]),
        ],
    )
    def test_filters(
        self, registry: LocalRegistry, ecr: ECRClient, filters: Any, expected: list[str]
    ) -> None:
        names = {
            registry.add_image(REPOSITORY, tags=("1",)).digest: "tagged",
            registry.add_image(REPOSITORY).digest: "untagged",
            registry.add_image(REPOSITORY, tags=("2",), status="ARCHIVED").digest: "archived",
            registry.add_image(REPOSITORY, status="ACTIVATING").digest: "activating",
        }
        paginator = ecr.get_paginator("describe_images")
        pages = paginator.paginate(
            repositoryName=REPOSITORY, filter=filters, PaginationConfig={"PageSize": 1}
        )
        details = [detail for page in pages for detail in page["imageDetails"]]
        assert [names[detail["imageDigest"]] for detail in details] == expected

    def test_an_archived_image_can_be_asked_for(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(REPOSITORY, status="ARCHIVED", archived_at=clock() - DAY)
        detail = describe_image(ecr, image.digest)
        assert detail["imageStatus"] == "ARCHIVED"
        assert detail["lastArchivedAt"] == clock() - DAY

    @pytest.mark.parametrize(
        ("parameters", "code"),
        [
            ({"repositoryName": "absent"}, "RepositoryNotFoundException"),
            ({"imageIds": [{"imageDigest": UNKNOWN_DIGEST}]}, "ImageNotFoundException"),
            ({"imageIds": [{"imageTag": "absent"}]}, "ImageNotFoundException"),
            (
                {"imageIds": [{"imageTag": "1.0", "imageDigest": UNKNOWN_DIGEST}]},
                "ImageNotFoundException",
            ),
            ({"imageIds": [{}]}, "InvalidParameterException"),
            ({"imageIds": [{"imageTag": "1.0"}] * 101}, "InvalidParameterException"),
            ({"imageIds": [{"imageTag": "1.0"}], "maxResults": 9}, "InvalidParameterException"),
            ({"maxResults": 1001}, "InvalidParameterException"),
            ({"nextToken": "nonsense"}, "InvalidParameterException"),
            ({"filter": {"tagStatus": "SOME"}}, "InvalidParameterException"),
            ({"filter": {"imageStatus": "GONE"}}, "InvalidParameterException"),
        ],
    )
    def test_refusals(
        self, registry: LocalRegistry, ecr: ECRClient, parameters: Any, code: str
    ) -> None:
        registry.add_image(REPOSITORY, tags=("1.0",))
        assert refusal(ecr.describe_images, **{"repositoryName": REPOSITORY} | parameters) == code


class TestListImages:
    def test_an_identifier_a_tag_and_one_for_an_image_without_tags(self, registry, ecr):
        first = registry.add_image(REPOSITORY, tags=("1", "latest"))
        second = registry.add_image(REPOSITORY)
        assert ecr.list_images(repositoryName=REPOSITORY)["imageIds"] == [
            {"imageDigest": first.digest, "imageTag": "1"},
            {"imageDigest": first.digest, "imageTag": "latest"},
            {"imageDigest": second.digest},
        ]

    def test_pages_may_end_within_an_images_tags(self, registry, ecr):
        for number in range(3):
            registry.add_image(REPOSITORY, tags=(f"{number}-a", f"{number}-b"))
        pages = ecr.get_paginator("list_images").paginate(
            repositoryName=REPOSITORY, PaginationConfig={"PageSize": 3}
        )
        tags = [[identifier["imageTag"] for identifier in page["imageIds"]] for page in pages]
        assert tags == [["0-a", "0-b", "1-a"], ["1-b", "2-a", "2-b"]]

    def test_the_filter_leaves_out_what_has_no_tags(self, registry, ecr):
        registry.add_image(REPOSITORY, tags=("1",))
        registry.add_image(REPOSITORY)
        answer = ecr.list_images(repositoryName=REPOSITORY, filter={"tagStatus": "TAGGED"})
        assert len(answer["imageIds"]) == 1


class TestBatchGetImage:
    def test_an_index_names_its_images_and_their_platforms(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        children = tuple(
            registry.add_image(REPOSITORY, media_type=OCI_MANIFEST, platform=platform).digest
            for platform in ("", "linux/arm64", "linux/arm/v7")
        )
        registry.add_image(
            REPOSITORY, tags=("1.0",), media_type=OCI_INDEX, children=(*children, UNKNOWN_DIGEST)
        )
        answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "1.0"}])
        [image] = answer["images"]
        index = json.loads(image["imageManifest"])
        assert image["imageManifestMediaType"] == index["mediaType"] == OCI_INDEX
        digests = [each["digest"] for each in index["manifests"]]
        assert digests == [*children, UNKNOWN_DIGEST]
        assert [each["platform"] for each in index["manifests"]] == [
            {"os": "linux", "architecture": "amd64"},
            {"os": "linux", "architecture": "arm64"},
            {"os": "linux", "architecture": "arm", "variant": "v7"},
            {"os": "linux", "architecture": "ppc64le"},
        ]

    def test_an_index_lists_more_images_than_there_are_platforms(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        children = tuple(registry.add_image(REPOSITORY).digest for _ in range(9))
        registry.add_image(REPOSITORY, tags=("1.0",), media_type=OCI_INDEX, children=children)
        assert len(manifest(ecr, imageTag="1.0")["manifests"]) == 9

    def test_an_artifact_names_its_type_and_subject(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        registry.add_image(
            REPOSITORY,
            tags=("sig",),
            media_type=OCI_MANIFEST,
            artifact_media_type=COSIGN_SIGNATURE,
            subject_digest=UNKNOWN_DIGEST,
        )
        answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "sig"}])
        manifest = json.loads(answer["images"][0]["imageManifest"])
        assert manifest["config"]["mediaType"] == COSIGN_SIGNATURE
        assert manifest["subject"]["digest"] == UNKNOWN_DIGEST

    def test_what_cannot_be_had_is_a_failure(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        registry.add_image(REPOSITORY, tags=("old",), status="ARCHIVED")
        answer = ecr.batch_get_image(
            repositoryName=REPOSITORY, imageIds=[{"imageTag": "absent"}, {"imageTag": "old"}]
        )
        codes = [failure["failureCode"] for failure in answer["failures"]]
        assert codes == ["ImageNotFound", "ImageInaccessible"]
        assert answer["images"] == []

    def test_it_is_a_pull_recorded_once_a_day(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(REPOSITORY, tags=("1.0",))
        pulled_at = clock()
        for _ in range(2):
            ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "1.0"}])
            clock.advance(HOUR)
        assert describe_image(ecr, image.digest)["lastRecordedPullTime"] == pulled_at


class TestListTagsForResource:
    def test_the_tags(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        registry.add_repository(REPOSITORY, tags={"team": "shop"})
        arn = registry.repository_arn(REPOSITORY)
        tags = ecr.list_tags_for_resource(resourceArn=arn)["tags"]
        assert tags == [{"Key": "team", "Value": "shop"}]

    @pytest.mark.parametrize(
        ("arn", "code"),
        [
            ("nonsense", "InvalidParameterException"),
            (
                "arn:aws:ecr:eu-west-1:123456789012:repository/absent",
                "RepositoryNotFoundException",
            ),
        ],
    )
    def test_refusals(self, ecr: ECRClient, arn: str, code: str) -> None:
        assert refusal(ecr.list_tags_for_resource, resourceArn=arn) == code
