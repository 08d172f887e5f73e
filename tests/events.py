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
