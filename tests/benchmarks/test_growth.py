"""Calls grow in a straight line, and memory does not grow with a repository's images."""

import pytest

from benchmarks.growth import listing, scanning_due, scanning_fresh

SIZES = [200, 400, 600, 800, 1000]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    """Pages of 100 images, so that small repositories have many."""
    monkeypatch.setattr("chalicelib.aws.ecr.PAGE_SIZE", 100)


def test_reading_takes_a_call_a_page_and_one_pages_memory():
    grown = scanning_fresh([400, 800, 1200, 1600, 2000])
    assert grown.calls == (4, 8, 12, 16, 20)
    assert grown.calls_slope == pytest.approx(1 / 100)
    # Keeping the images takes seven times as much.
    assert max(grown.bytes) - min(grown.bytes) < 200_000


def test_scanning_takes_a_call_an_image_beside_that_and_no_more_memory():
    grown = scanning_due(SIZES)
    assert grown.calls == tuple(size + size // 100 for size in SIZES)
    assert grown.calls_fit == pytest.approx(1)
    assert max(grown.bytes) - min(grown.bytes) < 400_000


def test_listing_takes_a_call_for_ten_repositories_and_one_for_each_page():
    sizes = [100, 200, 300, 400, 500]
    grown = listing(sizes)
    assert grown.calls == tuple(1 + size // 100 + size // 10 for size in sizes)
    assert grown.calls_fit == pytest.approx(1)
