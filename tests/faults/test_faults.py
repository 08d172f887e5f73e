"""Whatever goes wrong: nothing due is lost or started twice, and no finding goes unreported."""

from datetime import UTC, datetime

import pytest

from tests.faults.engine import carry_out
from tests.faults.faults import Faults
from tests.faults.invariants import broken
from tests.faults.runs import run_of

FUTURE = datetime.max.replace(tzinfo=UTC)
SEEDS = 60


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_due_image_is_started_once_and_every_finding_is_published(seed):
    result = carry_out(seed)
    again = f'seen again by: make faults ARGS="--runs 1 --seed {seed}"'
    assert not result.broken, "\n".join([*result.broken, again])


def test_a_seed_makes_the_same_run_again():
    assert carry_out(7) == carry_out(7)


def test_without_faults_nothing_is_kept_and_no_function_fails(monkeypatch):
    monkeypatch.setattr(Faults, "of", lambda chance: Faults(chance, calm=True))
    counts = carry_out(3).counts
    assert counts["scans started"] == counts["images due"] > 0
    assert counts["functions that failed"] == counts["jobs in the dead-letter queue"] == 0


class TestTheHarnessNotices:
    """Each invariant is broken by an application that breaks the rule behind it."""

    @pytest.fixture
    def notices(self):
        """Whether one of some runs says this, each with a change made to it."""

        def run(sentence, change=lambda run: None):
            return any(sentence in found for seed in range(12) for found in _broken(seed, change))

        return run

    def test_an_image_that_is_lost(self, notices, monkeypatch):
        monkeypatch.setattr("chalicelib.scanner._RepositoryScan._hand_on", lambda scan: None)
        assert notices("was neither started nor kept")

    def test_a_second_start(self, notices):
        def scan_again_and_again(run):
            run.registry._operations._refuse_beyond_limits = lambda image: None

        assert notices("was started 2 times", scan_again_and_again)

    def test_the_start_of_an_image_that_is_not_due(self, notices, monkeypatch):
        monkeypatch.setattr("chalicelib.durations.Duration.before", lambda *_: FUTURE)
        assert notices("was started and is not due")

    def test_a_finding_that_is_not_published(self, notices, monkeypatch):
        monkeypatch.setattr("chalicelib.messages.Thresholds.crossed_by", lambda *_: ())
        assert notices("was neither published nor kept")

    def test_a_report_without_a_reason(self, notices, monkeypatch):
        monkeypatch.setattr("chalicelib.messages.Thresholds.crossed_by", lambda *_: ("LOW",))
        monkeypatch.setattr("chalicelib.messages._headline", lambda *_: "")
        assert notices("was published without a reason")


def _broken(seed, change):
    with run_of(seed) as run:
        change(run)
        run.go()
        return broken(run)
