"""Calls grow in a straight line, and memory by little more than what the images are."""

import pytest

from benchmarks.growth import listing, scanning_due, scanning_fresh

# What it runs is covered line by line elsewhere; counting the lines here too doubles the time.
pytestmark = pytest.mark.no_cover

SIZES = [100, 200, 300]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    """Pages of 100 images, so that small repositories have many."""
    monkeypatch.setattr("chalicelib.aws.ecr.PAGE_SIZE", 100)


def test_reviewing_takes_a_call_a_page_of_images_and_one_for_thousands_of_records():
    grown = scanning_fresh([400, 800, 1200])
    assert grown.calls == (5, 9, 13)
    assert grown.calls_slope == pytest.approx(1 / 100)


def test_scanning_takes_a_call_an_image_beside_that_and_two_to_note_25_of_them():
    grown = scanning_due(SIZES)
    assert grown.calls == tuple(size + size // 100 + 1 + 2 * (size // 25) for size in SIZES)
    assert grown.calls_fit == pytest.approx(1)


def test_a_hundred_thousand_images_fit_beside_the_rest_into_256_megabytes(monkeypatch):
    monkeypatch.setattr("chalicelib.aws.ecr.PAGE_SIZE", 1_000)
    # From a page of records on, what grows is what is kept of each image.
    assert scanning_fresh([6_000, 12_000]).bytes_slope < 1_900


def test_listing_takes_a_call_for_ten_repositories_and_one_for_each_page():
    grown = listing(SIZES)
    assert grown.calls == tuple(1 + size // 100 + size // 10 for size in SIZES)
    assert grown.calls_fit == pytest.approx(1)
