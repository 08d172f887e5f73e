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
}
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
