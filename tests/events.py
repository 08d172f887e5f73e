"""The events that AWS sends, as its documentation gives them."""

DIGEST = "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12345678"


def scan_event(*, region="eu-west-1", **detail):
    """An ``ECR Image Scan`` event. Source: ECR user guide, "Amazon ECR events and EventBridge"."""
    return {
        "version": "0",
        "id": "85fc3613-e913-7fc4-a80c-a3753e4aa9ae",
        "detail-type": "ECR Image Scan",
        "source": "aws.ecr",
        "account": "123456789012",
        "time": "2019-10-29T02:36:48Z",
        "region": region,
        "resources": [f"arn:aws:ecr:{region}:123456789012:repository/my-repository-name"],
        "detail": {
            "scan-status": "COMPLETE",
            "repository-name": "my-repository-name",
            "finding-severity-counts": {"CRITICAL": 10, "MEDIUM": 9},
            "image-digest": DIGEST,
            "image-tags": [],
            **detail,
        },
    }


def inspector_scan(repository="shop/api", **detail):
    """An ``Inspector2 Scan`` event of an image. Source: ECR user guide, "Amazon ECR events and
    EventBridge", event for a completed initial scan."""
    arn = f"arn:aws:ecr:eu-west-1:123456789012:repository/{repository}"
    return {
        "version": "0",
        "id": "739c0d3c-4f02-85c7-5a88-94a9a5b6c7d8",
        "detail-type": "Inspector2 Scan",
        "source": "aws.inspector2",
        "account": "123456789012",
        "time": "2021-12-03T18:03:16Z",
        "region": "eu-west-1",
        "resources": [arn],
        "detail": {
            "scan-status": "INITIAL_SCAN_COMPLETE",
            "repository-name": arn,
            "finding-severity-counts": {"CRITICAL": 7, "HIGH": 61, "TOTAL": 68},
            "image-digest": DIGEST,
            "image-tags": ["latest"],
            **detail,
        },
    }


def inspector_finding(severity, digest=DIGEST, repository="shop/api"):
    """An ``Inspector2 Finding`` event. Source: Amazon Inspector user guide, "EventBridge event
    schema"."""
    image = {
        "architecture": "amd64",
        "imageHash": digest,
        "imageTags": ["latest"],
        "platform": "AMAZON_LINUX_2",
        "pushedAt": "2022-01-19T22:45:00.00Z",
        "registry": "123456789012",
        "repositoryName": repository,
    }
    arn = f"arn:aws:ecr:eu-west-1:123456789012:repository/{repository}/{digest}"
    return {
        **inspector_scan(repository),
        "detail-type": "Inspector2 Finding",
        "resources": [arn],
        "detail": {
            "awsAccountId": "123456789012",
            "severity": severity,
            "status": "ACTIVE",
            "title": "CVE-2019-14697 - musl",
            "type": "PACKAGE_VULNERABILITY",
            "resources": [
                {
                    "id": arn,
                    "type": "AWS_ECR_CONTAINER_IMAGE",
                    "region": "eu-west-1",
                    "details": {"awsEcrContainerImage": image},
                }
            ],
        },
    }


def image_deleted(digest=DIGEST, repository="shop/api", **detail):
    """An ``ECR Image Action`` event of a deletion. Source: ECR user guide, "Amazon ECR events and
    EventBridge", event for an image deletion."""
    return {
        "version": "0",
        "id": "dd3b46cb-2c74-f49e-393b-28286b67279d",
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": "123456789012",
        "time": "2019-11-16T02:01:05Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "repository-name": repository,
            "image-digest": digest,
            "action-type": "DELETE",
            "image-tag": "latest",
            **detail,
        },
    }
