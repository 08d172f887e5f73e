"""Where a list may be kept."""

import pytest

from chalicelib.settings.sources import FileSource, ObjectSource, ParameterSource, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("chalicelib/accepted-risks.yaml", FileSource("chalicelib/accepted-risks.yaml")),
        ("s3://my-bucket/a/list.yaml", ObjectSource("my-bucket", "a/list.yaml")),
        ("ssm:/security/accepted-risks", ParameterSource("/security/accepted-risks")),
    ],
)
def test_a_source_is_read_and_written_alike(text, source):
    assert parse_source(text) == source
    assert str(source) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "/etc/passwd", "../secrets.yaml", "a/../../b.yaml", "a//b", "https://example.org/a"),
        *(
            "s3://",
            "s3://bucket",
            "s3://bucket/",
            "s3://Bucket/key",
            "s3://b/key",
            "s3://bucket/\n",
        ),
        # What the template refuses too, for it names what the functions may read.
        *("ssm:", "ssm:/", "ssm:a b", "ssm:/a//b", "ssm:accepted-risks", "ssm:/lists/risks:3"),
        *("s3://bucket/*", "s3://bucket/a b", "s3://bucket/${aws:username}", "s3://bucket/a/../b"),
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"^"):
        parse_source(text)
