"""What a listing may be asked, by each of the three ways in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.durations import Duration
from chalicelib.scanning.requests import ListingRequest, RequestError

OVERRIDES = {
    "repositories": ["a", "b"],
    "repositoriesFilterRegexp": "^pay",
    "ecrImagesDurationDelta": "2w",
    "dryRun": True,
    "force": True,
}
DIGEST = f"sha256:{'a' * 64}"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(list(OVERRIDES)), inner)
    ),
)


def test_body_schedule_and_invocation_are_read_alike():
    scheduled = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": OVERRIDES}
    from_body = ListingRequest.from_body(json.dumps(OVERRIDES).encode())

    assert from_body.repositories == ("a", "b")
    assert from_body.repositories_filter.pattern == "^pay"
    assert from_body.images_duration == Duration.parse("2w")
    assert from_body.dry_run is True
    assert from_body == ListingRequest.from_event(scheduled) == ListingRequest.from_event(OVERRIDES)


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}", "", '{"dryRun": null}'])
def test_without_overrides_the_settings_hold(body):
    assert ListingRequest.from_body(body) == ListingRequest()


@pytest.mark.parametrize(
    "event", [None, {}, {"detail-type": "Scheduled Event", "detail": {}, "version": "0"}]
)
def test_an_event_without_overrides_asks_for_the_settings_listing(event):
    assert ListingRequest.from_event(event) == ListingRequest()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", r"is \[\]; accepted: a JSON object"),
        (
            b'{"repositoriesFilterRegexp": "["}',
            "repositoriesFilterRegexp: '\\['.*regular expression",
        ),
        (b'{"repositoriesFilterRegexp": 1}', "repositoriesFilterRegexp is 1"),
        (b'{"repositories": "a"}', "repositories is 'a'; accepted: a list of strings"),
        (b'{"repositories": [""]}', "accepted: a list of strings that are not empty"),
        (b'{"repositories": [1]}', "accepted: a list of strings"),
        (b'{"ecrImagesDurationDelta": "0d"}', "ecrImagesDurationDelta: '0d' is not a duration"),
        (b'{"force": 1}', "force is 1; accepted: true, false"),
        (b'{"images": "shop/api:1"}', "images is 'shop/api:1'; accepted: a list of strings"),
        (b'{"images": ["shop/api"]}', "images: 'shop/api'; accepted: repository:tag, repository@"),
        (b'{"images": ["shop/api:1", "a b:1"]}', "images: 'a b:1'; accepted: repository:tag"),
        (b'{"images": ["shop/api@sha256:12"]}', "images: 'shop/api@sha256:12'; accepted"),
        (b'{"images": ["a:1"], "repositories": ["a"]}', "images are named without repositories"),
        (b'{"images": ["a:1"], "repositoriesFilterRegexp": "a"}', "images are named without"),
        (json.dumps({"images": ["a:1"] * 101}), "images: there are 101; accepted: 100"),
        (b'{"dryRun": "yes"}', "dryRun is 'yes'; accepted: true, false"),
        (b'{"dryrun": true}', "unknown: 'dryrun'; accepted: dryRun, ecrImages"),
    ],
)
def test_a_wrong_request_is_told_what_was_wrong(body, message):
    with pytest.raises(RequestError, match=message):
        ListingRequest.from_body(body)


@given(JSON)
def test_any_json_is_a_request_or_a_clear_error(value):
    try:
        request = ListingRequest.from_body(json.dumps(value))
    except RequestError:
        return
    assert isinstance(request, ListingRequest)


@pytest.mark.parametrize("overrides", [[], "", 0, False])
def test_an_event_with_overrides_of_another_type_is_refused(overrides):
    for event in (overrides, {"detail-type": "Scheduled Event", "detail": overrides}):
        with pytest.raises(RequestError, match="accepted: a JSON object"):
            ListingRequest.from_event(event)


def test_a_long_value_is_shown_shortened():
    with pytest.raises(RequestError) as raised:
        ListingRequest.from_values({"dryRun": "x" * 10_000})
    assert len(str(raised.value)) < 200


def test_images_name_their_repositories_each_once():
    images = ["shop/api:1", f"shop/api@{DIGEST}", "shop/api:1", "payments/web:latest"]
    request = ListingRequest.from_values({"images": images})
    assert request.named == ("shop/api", "payments/web")
    assert request.images_of("shop/api") == ("1", DIGEST)
    assert request.images_of("shop") == ()


def test_without_images_those_are_named_that_the_request_names():
    assert ListingRequest.from_values({"repositories": ["a"]}).named == ("a",)
    assert ListingRequest().named is None
