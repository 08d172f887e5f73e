"""Whatever goes wrong: nothing due is lost or started twice, and no finding goes unreported."""

import re
import time
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from chalicelib.aws.deliveries import Deliveries, Delivery
from chalicelib.aws.line_states import LineStates
from chalicelib.notifying import channels, scans
from chalicelib.notifying.comparison import compare
from chalicelib.policy.acknowledgements import reported
from chalicelib.scanning.jobs import parse_job
from tests.faults.beginnings import run_of
from tests.faults.defects import DEFECTS, find
from tests.faults.engine import carry_out
from tests.faults.faults import Bound, Faults
from tests.faults.invariants import broken, overtakes
from tests.faults.runs import Run
from tests.faults.simulation import OTHER_ACCOUNT

# What it runs is covered line by line elsewhere; counting the lines here too doubles the time.
pytestmark = pytest.mark.no_cover

EARLY = "2000-01-01T00:00:00Z"
FUTURE = datetime.max.replace(tzinfo=UTC)
SEEDS = (*range(9), 10, 11, *range(13, 18))
"""All but those of large repositories, which take as long as all others."""
PUBLISHED_TWICE = 86
"""A seed at which an application that takes each delivery for a new event publishes it again."""
WITH_A_BUDGET, WITH_REGISTRIES, WITH_THREADS = 29, 43, 2
"""Seeds of runs with a budget that binds, with other registries, and with two containers too."""


@pytest.mark.parametrize("seed", SEEDS)
def test_every_due_image_is_started_once_and_every_finding_is_published(seed):
    result = carry_out(seed)
    again = f'seen again by: make faults ARGS="--runs 1 --seed {seed}"'
    assert not result.broken, "\n".join([*result.broken, again])


def test_a_seed_makes_the_same_run_again():
    assert carry_out(WITH_THREADS) == carry_out(WITH_THREADS)


def test_without_faults_nothing_is_kept_and_no_function_fails(monkeypatch):
    monkeypatch.setattr(Faults, "of", lambda chance: Faults(chance, calm=True))
    counts = carry_out(6).counts
    assert counts["scans started"] == counts["images due"] > 0
    assert counts["functions that failed"] == counts["jobs in the dead-letter queue"] == 0


def test_a_budget_is_spent_on_the_oldest_scans_of_all_repositories(monkeypatch):
    monkeypatch.setattr(Faults, "of", lambda chance: Faults(chance, calm=True))
    # What is asked for by itself comes before older scans of other repositories.
    monkeypatch.setattr(Run, "_some_repositories", lambda run: {})
    with run_of(WITH_A_BUDGET) as run:
        run.go()
        run.redrive()
        assert len(run.days) > 1
        assert not run.waiting()
        by_name = {subject.name: subject for subject in run.subjects if subject.due}
        for day in run.days:
            assert 0 < len(day.started) <= run.budget
            started = [by_name[name] for name in day.started]
            assert not [
                late for late in day.waiting for each in started if overtakes(run, each, late)
            ]


def test_a_registry_that_cannot_be_read_costs_that_registry_only(monkeypatch):
    nothing_else = {each.name: 0.0 for each in fields(Faults) if each.type is float}
    monkeypatch.setattr(Faults, "of", lambda chance: Faults(chance, **nothing_else))
    with run_of(WITH_REGISTRIES) as run:
        run.aws.faults.bound = Bound("AssumeRole", OTHER_ACCOUNT)
        run.go()
        lost = [each for each in run.subjects if each.registry.account_id == OTHER_ACCOUNT]
        assert any(each.due for each in lost)
        assert not any(each.name in run.started_at for each in lost)
        assert not broken(run)
        assert {parse_job(job.body).account for job in run.aws.dead_jobs} == {OTHER_ACCOUNT}
        run.redrive()
        assert all(each.name in run.started_at for each in lost if each.due and run.exists(each))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("starts a scan twice", "was to be started again"),
        (
            "forgets the last page of images",
            "neither started nor kept|last scan is newer",
        ),
    ],
)
def test_a_defect_is_found(name, sentence):
    """These in a few runs; ``make faults ARGS=--defects`` looks for all of them."""
    [defect] = [each for each in DEFECTS if each.name == name]
    found = find(defect, first_seed=1, most=20)
    assert found
    assert re.search(sentence, found.sentence)


class TestTheHarnessNotices:
    """Each invariant is broken by an application that breaks the rule behind it."""

    @pytest.fixture
    def notices(self):
        """Whether one of some runs says this, each with a change made to it."""

        def run(sentence, change=lambda run: None, first=0):
            seeds = range(first, first + 40)
            return any(sentence in found for seed in seeds for found in _broken(seed, change))

        return run

    def test_an_image_that_is_lost(self, notices, monkeypatch):
        monkeypatch.setattr(
            "chalicelib.scanning.scanner._RepositoryScan._re_enqueue", lambda scan: None
        )
        assert notices("was neither started nor kept")

    def test_a_second_start(self, notices):
        def scan_again_and_again(run):
            for registry in run.registries:
                registry.refuse_beyond_limits = lambda image: None

        assert notices("was started 2 times", scan_again_and_again)

    def test_the_start_of_an_image_that_is_not_due(self, notices, monkeypatch):
        monkeypatch.setattr("chalicelib.policy.durations.Duration.before", lambda *_: FUTURE)
        assert notices("was started and is not due")

    def test_a_finding_that_is_not_published(self, notices, monkeypatch):
        monkeypatch.setattr("chalicelib.policy.thresholds.Thresholds.crossed_by", lambda *_: ())
        assert notices("was neither published nor kept")

    def test_a_report_without_a_reason(self, notices, monkeypatch):
        monkeypatch.setattr(
            "chalicelib.policy.thresholds.Thresholds.crossed_by", lambda *_: ("LOW",)
        )
        assert notices("was published without a reason")

    def test_an_event_that_is_reported_again(self, notices, monkeypatch):
        begin = Deliveries.begin

        def begin_anew(deliveries, place, digest, event):
            return begin(deliveries, place, digest, f"{event}-{time.monotonic_ns()}")

        monkeypatch.setattr(Deliveries, "begin", begin_anew)
        monkeypatch.setattr(scans, "compare", forgetting)
        assert notices("was published twice (topic)", first=PUBLISHED_TWICE)

    def test_a_channel_that_gets_it_again(self, notices, monkeypatch):
        monkeypatch.setattr(Delivery, "delivered", lambda delivery, channel, what: None)
        monkeypatch.setattr(Delivery, "finish", lambda delivery, has_looked: None)
        monkeypatch.setattr(scans, "compare", forgetting)
        assert notices("was published twice (chat)")

    def test_a_channel_that_is_forgotten(self, notices, monkeypatch):
        topic, chat, *others = channels.SENDERS
        forgotten = replace(chat, deliver=lambda report, services: None)
        monkeypatch.setattr(channels, "SENDERS", (topic, forgotten, *others))
        assert notices("was neither published nor kept (chat)")

    def test_what_is_noted_as_reported_before_it_is(self, notices, monkeypatch):
        keep = LineStates.keep

        def keep_as_reported(states, place, state):
            return keep(states, place, reported(state, "topic"))

        monkeypatch.setattr(LineStates, "keep", keep_as_reported)
        assert notices("which was never published")

    def test_news_that_are_never_told(self, notices, monkeypatch):
        monkeypatch.setattr("chalicelib.notifying.delivery.is_news", lambda *_, **__: False)
        assert notices("was neither published nor kept, and is news", first=63)

    def test_a_scan_that_is_not_remembered(self, notices, monkeypatch):
        monkeypatch.setattr(LineStates, "keep", lambda states, place, state: state)
        assert notices("is not known")

    def test_an_earlier_scan_that_is_remembered_in_place_of_a_later_one(self, notices, monkeypatch):
        keep = LineStates.keep
        monkeypatch.setattr(
            LineStates,
            "keep",
            lambda states, place, state: keep(states, place, replace(state, time=EARLY)),
        )
        assert notices("is known by another scan")

    def test_a_scan_that_is_remembered_of_another_image(self, notices, monkeypatch):
        keep = LineStates.keep
        monkeypatch.setattr(
            LineStates,
            "keep",
            lambda states, place, state: keep(states, place, replace(state, digest="sha256:other")),
        )
        assert notices("is known by a scan that it never had")

    def test_a_mirror_that_does_not_follow(self, notices, monkeypatch):
        [mirror] = channels.MIRRORS
        forgetful = replace(mirror, follow=lambda lines, services, backoff: None)
        monkeypatch.setattr(channels, "MIRRORS", (forgetful,))
        assert notices("Security Hub has 0 findings as open", first=50)

    def test_a_channel_with_a_mistake(self, monkeypatch):
        monkeypatch.setattr(
            "chalicelib.notifying.channels.topic.message_of", lambda *_: {}["missing"]
        )
        assert any("KeyError" in sentence for sentence in carry_out(6).broken)


def forgetting(result, states, *others):
    """A comparison with nothing."""
    return compare(result, None, *others)


def _broken(seed, change):
    with run_of(seed) as run:
        change(run)
        run.go()
        found = broken(run)
        run.redrive()
        return found + broken(run)
