"""Image URIs of private ECR registries, in all their forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.image_uris import ImageUri

DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1"),
        ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("123456789012.dkr.ecr-fips.us-gov-east-1.amazonaws.com", "us-gov-east-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        ("123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
        ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "us-east-1"),
        ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
    ],
)
def test_every_form_of_host_names_account_and_region(host, region):
    uri = ImageUri.parse(f"{host}/team/api:1.0")
    assert uri == ImageUri(host, "123456789012", region, "team/api", tag="1.0")


@pytest.mark.parametrize(
    ("suffix", "tag", "digest", "reference"),
    [
        ("", None, None, "latest"),
        (":1.0", "1.0", None, "1.0"),
        (f"@{DIGEST}", None, DIGEST, DIGEST),
        (f":1.0@{DIGEST}", "1.0", DIGEST, DIGEST),
    ],
)
def test_tag_and_digest(suffix, tag, digest, reference):
    uri = ImageUri.parse(f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/api{suffix}")
    assert (uri.tag, uri.digest, uri.reference) == (tag, digest, reference)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nginx",
        "nginx:latest",
        "docker.io/library/nginx:latest",
        "public.ecr.aws/nginx/nginx:latest",
        "12345678901.dkr.ecr.eu-west-1.amazonaws.com/api",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/API",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api@sha256:short",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:1:2",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example/api",
        "123456789012.dkr.ecr.eu-west-1.on.aws/api",
        "123456789012.dkr-ecr.eu-west-1.amazonaws.com/api",
        "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/api",
    ],
)
def test_anything_else_is_no_image_of_private_ecr(text):
    assert ImageUri.parse(text) is None


names = st.from_regex(
    r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,2}", fullmatch=True
)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
digests = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
hosts = st.builds(
    "{}.{}".format,
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.sampled_from(
        [
            "dkr.ecr.eu-west-1.amazonaws.com",
            "dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            "dkr.ecr.cn-northwest-1.amazonaws.com.cn",
            "dkr-ecr.ap-southeast-2.on.aws",
        ]
    ),
)


@given(hosts, names, st.none() | tags, st.none() | digests)
def test_what_is_read_is_written_the_same(host, repository, tag, digest):
    text = f"{host}/{repository}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    uri = ImageUri.parse(text)
    assert str(uri) == text
    assert (uri.repository, uri.tag, uri.digest) == (repository, tag, digest)


@given(st.text())
def test_no_text_is_an_error(text):
    assert ImageUri.parse(text) is None or str(ImageUri.parse(text)) == text
