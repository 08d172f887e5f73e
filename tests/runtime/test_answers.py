"""Answers fit: into Lambda's answer, and into an item of the table."""

import json

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.runtime.answers import (
    MOST_BYTES,
    MOST_KEPT_BYTES,
    Answer,
    fitted,
    packed,
    size,
    unpacked,
)

NAMES = st.lists(st.text(max_size=30), max_size=30)
ROWS = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=30)), max_size=30)
BODIES = st.fixed_dictionaries({"listed": st.integers(), "repositories": NAMES, "images": ROWS})
LAMBDA_BYTES = 6 * 1024 * 1024


def test_what_fits_is_as_it_is():
    body = {"dryRun": False, "repositories": ["a"], "failures": []}
    assert fitted(body) == body


@given(BODIES, st.integers(150, 3000))
def test_what_does_not_fit_is_cut_and_says_so(body, most):
    cut = fitted(body, most)
    assert size(cut) <= max(most, 150)
    for name in ("repositories", "images"):
        assert cut[name] == body[name][: len(cut[name])]
        assert cut.get(f"{name}Complete", True) == (cut[name] == body[name])
    assert cut["listed"] == body["listed"]


def test_room_that_one_list_leaves_goes_to_the_next():
    body = {"repositories": ["a"], "images": ["x" * 100] * 100}
    cut = fitted(body, 5_000)
    assert cut["repositories"] == ["a"]
    assert 35 <= len(cut["images"]) < 100


def test_as_many_repositories_as_there_can_be_with_long_images_fit_lambdas_answer():
    repositories = [f"{'r' * 200}/{number:06}" for number in range(100_000)]
    row = {"repository": "r" * 250, "imageTags": ['"ü"' * 40] * 9}
    body = fitted({"repositories": repositories, "images": [row] * 10_000})
    answer = {"statusCode": 202, "headers": {}, "body": json.dumps(body), "multiValueHeaders": {}}
    assert len(json.dumps(answer)) < LAMBDA_BYTES
    assert body["repositories"]
    assert body["images"]
    assert size(body) > 0.9 * MOST_BYTES


@given(BODIES, st.sampled_from([202, 207]))
def test_an_answer_is_kept_as_it_was(body, status):
    assert unpacked(packed(Answer(body, {"a": "b"}, status))) == Answer(body, {"a": "b"}, status)


def test_an_answer_that_is_too_long_to_be_kept_is_kept_cut():
    names = [f"{number * 7919 % 10**9:09}{number * 104729 % 10**9:09}" for number in range(100_000)]
    answer = Answer({"listed": 100_000, "repositories": names, "failures": ["x"]}, {}, 207)
    data = packed(answer)
    assert len(data) <= MOST_KEPT_BYTES
    kept = unpacked(data)
    assert kept.body["repositoriesComplete"] is False
    assert (kept.body["listed"], kept.body["failures"], kept.status) == (100_000, ["x"], 207)
