"""The ledger after sixty days of a repository, beside a model that was written by hand.

The image is built anew, scans fail, and events come late, twice, in another order, or are lost. The
model is a list of the scans whose findings the application has read, and no more than that.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from types import SimpleNamespace

import pytest

from chalicelib.ecr.findings import counts_of, worst_first
from chalicelib.ecr.last_scans import ScanFindings
from chalicelib.ecr.uses import KnownUses
from chalicelib.fleet.fixes import fixes_of
from chalicelib.policy.ledger import ACCEPTED, FIXED, OPEN
from chalicelib.policy.states import Line
from tests.notifying.truth import START, FakeRegistry, World, _finding
from tests.policy.repositories import LATEST

DAYS = 60
NAMES = [f"CVE-{number}" for number in range(8)]


class Days(World):
    """A repository whose scans keep what they found, and when they ended."""

    def __init__(self, **variables):
        super().__init__(**variables)
        self.scans = {}
        self.services.news = None
        self.services.registry_of = lambda _: Scanned(self)

    def scan(self, digest):
        """Scan an image now; gives the event."""
        event = self.scan_event(digest)
        self.scans[digest] = (self.now, self.held[digest].findings)
        return event

    @property
    def now(self):
        return START + timedelta(hours=self.moments)

    @property
    def ledger(self):
        return self.table.states[LATEST].ledger


class Scanned(FakeRegistry):
    """A registry that answers with an image's last scan."""

    def scan_findings(self, repository, digest, call):
        ended_at, names = self._world.scans[digest]
        findings = worst_first(map(_finding, names))
        return ScanFindings("COMPLETE", ended_at, counts_of(findings), findings, len(findings))


@dataclass
class Model:
    """The scans that are known of, each with what it found and what of that was accepted."""

    scans: dict = field(default_factory=dict)

    def take_in(self, world, digest):
        ended_at, names = world.scans[digest]
        self.scans.setdefault(int(ended_at.timestamp()), (names, frozenset(world.accepted)))

    def of(self, name):
        """When a finding was first seen, since when it is there, its fixes, and what it is."""
        times = sorted(self.scans)
        found = [name in self.scans[time][0] for time in times]
        if not any(found):
            return None
        fixes, since = [], None
        for time, is_found in zip(times, found, strict=True):
            if is_found and since is None:
                since = began = time
            elif not is_found and since is not None:
                fixes.append((time, time - since))
                since = None
        status = FIXED
        if since is not None:
            status = ACCEPTED if name in self.scans[times[-1]][1] else OPEN
        return times[found.index(True)], began, tuple(fixes), status


def push(world, tags, findings, platform):
    """A build: an image, or an index of one that is read at once, as the scanner's review does."""
    if not platform:
        return world.hold(tags, findings)
    digest = world.hold((), findings)
    world.hold(tags, children=[(digest, platform)])
    world.read_indexes()
    return digest


def live(seed, platform, *, is_orderly):
    """Sixty days; gives the world and the model."""
    line = Line("latest", platform)
    chance, world, model = Random(seed), Days(REPORT_IMAGES="all"), Model()  # noqa: S311
    present, waiting, digest = set(chance.sample(NAMES, 4)), [], None

    def deliver(digest, event):
        world.handle(event)
        # The line begins with a scan of the image that has its tag.
        if line in world.table.states:
            model.take_in(world, digest)

    for day in range(DAYS):
        world.moments = max(world.moments, 24 * day)
        if digest is None or chance.random() < 0.3:
            present ^= set(chance.sample(NAMES, 2))
            digest = push(world, {"latest", f"git-{day}"}, present, platform)
        if chance.random() < 0.15:
            world.accepted ^= {chance.choice(NAMES)}
        if chance.random() < 0.2:
            world.handle(world.failed_event(digest))
        elif chance.random() < 0.9:
            waiting.append((digest, world.scan(digest)))
        if is_orderly or chance.random() < 0.5:
            chance.shuffle(waiting)
            for each in waiting:
                deliver(*each)
                if chance.random() < 0.2:
                    deliver(*each)
            waiting = []
    for each in waiting:
        deliver(*each)
    return world, model


@pytest.mark.parametrize("platform", ["", "linux/amd64"])
@pytest.mark.parametrize("is_orderly", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_ages_and_times_to_fix_are_those_of_a_list_of_all_scans(seed, is_orderly, platform):
    world, model = live(seed, platform, is_orderly=is_orderly)
    ledger = world.table.states[Line("latest", platform)].ledger
    for name in NAMES:
        entry, wanted = ledger.entries.get(_finding(name).key), model.of(name)
        if wanted is None:
            assert entry is None
            continue
        said = (entry.first_seen, entry.open_since, entry.fixes, entry.status)
        assert said == wanted
    fixes = [seconds for name in NAMES if (known := model.of(name)) for _, seconds in known[2]]
    times = fixes_of(world.table.states.values(), world.now)["HIGH"]
    assert (times.count, times.seconds) == (len(fixes), sum(fixes))


def test_an_event_that_comes_after_the_next_builds_is_taken_in_where_it_belongs():
    ledgers = []
    for late in (False, True):
        world = Days()
        world.handle(world.scan(world.hold({"latest", "0"}, {"CVE-1"})))
        first = world.hold({"latest", "1"}, {"CVE-1"})
        events = [world.scan(first)]
        second = world.hold({"latest", "2"}, {"CVE-1", "CVE-2"})
        events.append(world.scan(second))
        third = world.hold({"latest", "3"}, {"CVE-2"})
        events.append(world.scan(third))
        for each in [events[2], events[1], events[0]] if late else events:
            world.handle(each)
        ledgers.append(world.ledger)
    assert ledgers[0] == ledgers[1]
    assert ledgers[0].entries[_finding("CVE-1").key].fixed_at is not None


def one_build_after_another(world, build, *, is_late):
    """Three builds, whose scans are told in their order, or the middle one after the last."""
    world.handle(world.scan(build("0", {"CVE-1"})))
    second = build("1", {"CVE-1", "CVE-2"})
    told = world.scan(second)
    if not is_late:
        world.handle(told)
    world.handle(world.scan(build("2", {"CVE-3"})))
    if is_late:
        world.handle(told)


@pytest.mark.parametrize("tags", [{"latest", "git-{}"}, {"latest"}])
@pytest.mark.parametrize("tagged_only", ["true", "false"])
def test_a_late_scan_counts_though_the_image_has_lost_its_tags(tags, tagged_only):
    def ledger(*, is_late):
        world = Days(IMAGES_TAGGED_ONLY=tagged_only)

        def build(number, findings):
            return world.hold({tag.format(number) for tag in tags}, findings)

        one_build_after_another(world, build, is_late=is_late)
        return world.ledger

    assert ledger(is_late=True) == ledger(is_late=False)


def test_a_late_scan_that_found_nothing_counts_too():
    """Its findings are not asked for, so that only its event says when it was."""

    def ledger(*, is_late):
        world = Days()

        def build(number, findings):
            return world.hold({"latest", number}, findings if number != "1" else ())

        one_build_after_another(world, build, is_late=is_late)
        return world.ledger

    late = ledger(is_late=True)
    assert late == ledger(is_late=False)
    assert late.entries[_finding("CVE-1").key].fixed_at == late.scans[1]


def test_a_late_event_whose_image_was_scanned_again_since_does_not_count():
    """ECR knows the last scan only, and that is of an old build."""
    world = Days()
    old = world.hold({"latest", "1"}, {"CVE-1"})
    world.handle(world.scan(old))
    late = world.scan(old)
    world.handle(world.scan(world.hold({"latest", "2"}, set())))
    before = world.ledger
    world.scan(old)
    world.handle(late)
    assert world.ledger == before


class TestAnIndex:
    """Its images have no tags, so that their events name no line."""

    @pytest.fixture
    def built(self):
        """Ledgers of two platforms, of builds that the application learns of in a way."""

        def run(*, is_late, learn):
            world = Days()

            def build(number, findings):
                images = [world.hold((), findings) for _ in range(2)]
                platforms = ("linux/amd64", "linux/arm64")
                world.hold({"latest", number}, children=zip(images, platforms, strict=True))
                learn(world, images)
                return images[0]

            one_build_after_another(world, build, is_late=is_late)
            return world.table.states[Line("latest", "linux/amd64")].ledger

        return run

    def test_a_late_scan_counts_by_the_tags_that_the_index_had_when_it_was_read(self, built):
        def review(world, _):
            world.read_indexes()

        late = built(is_late=True, learn=review)
        assert late == built(is_late=False, learn=review)
        assert len(late.scans) == 3

    def test_or_by_the_tag_that_was_seen_to_move_from_it(self, built):
        def tell_of_the_other_platform(world, images):
            world.handle(world.scan(images[1]))
            world.table.indexes = {
                digest: index._replace(tags=()) for digest, index in world.table.indexes.items()
            }

        late = built(is_late=True, learn=tell_of_the_other_platform)
        assert late == built(is_late=False, learn=tell_of_the_other_platform)
        assert len(late.scans) == 3

    def test_one_whose_tags_nobody_saw_is_left_out(self, built):
        late = built(is_late=True, learn=lambda *_: None)
        assert len(late.scans) == 2


def test_of_a_scan_of_an_old_build_the_findings_are_not_read():
    world = Days()
    images = [world.hold((), {"CVE-1"})]
    world.hold({"latest", "1"}, children=[(images[0], "linux/amd64")])
    world.handle(world.scan(images[0]))
    images.append(world.hold((), {"CVE-2"}))
    world.hold({"latest", "2"}, children=[(images[1], "linux/amd64")])
    world.handle(world.scan(images[1]))
    asked = []
    scan_findings = Scanned.scan_findings
    world.services.registry_of = lambda _: registry
    registry = Scanned(world)
    registry.scan_findings = lambda *about: asked.append(about) or scan_findings(registry, *about)
    world.handle(world.scan(images[0]))
    assert not asked


def test_a_later_scan_of_an_old_build_is_no_part_of_the_line():
    world = Days()
    old = world.hold({"latest", "1"}, {"CVE-1"})
    world.handle(world.scan(old))
    world.handle(world.scan(world.hold({"latest", "2"}, set())))
    before = world.ledger
    world.handle(world.scan(old))
    assert world.ledger == before
    assert before.entries[_finding("CVE-1").key].status == FIXED


BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/findings"


class Bus:
    """A bus that keeps what is put on it, and refuses what it is told to."""

    def __init__(self):
        self.events = []
        self.fails = False

    def put(self, events, backoff):
        if self.fails:
            raise ConnectionError("no answer")
        self.events += [(kind, detail["vulnerability"], detail) for kind, detail in events]

    @property
    def kinds(self):
        return [(kind, vulnerability) for kind, vulnerability, _ in self.events]


@pytest.fixture
def with_bus():
    world = Days(EVENT_BUS_ARN=BUS)
    world.services.event_bus = Bus()
    return world, world.services.event_bus


def test_what_happens_to_findings_is_put_on_the_bus(with_bus):
    world, bus = with_bus
    world.handle(world.scan(world.hold({"latest", "1"}, {"CVE-1"})))
    assert bus.kinds == [("finding.opened", "CVE-1")]
    assert bus.events[0][2]["inventory"] is True
    bus.events.clear()
    world.handle(world.scan(world.hold({"latest", "2"}, {"CVE-2"})))
    assert sorted(bus.kinds) == [("finding.fixed", "CVE-1"), ("finding.opened", "CVE-2")]
    assert {detail["inventory"] for _, _, detail in bus.events} == {False}


def test_events_that_the_bus_did_not_take_are_put_when_the_scan_is_told_again(with_bus):
    world, bus = with_bus
    event = world.scan(world.hold({"latest", "1"}, {"CVE-1"}))
    bus.fails = True
    assert not world.handle(event, failing=("event_bus",))
    bus.fails = False
    assert world.handle(event)
    assert bus.kinds == [("finding.opened", "CVE-1")]
    assert not world.table.events.outbox


def test_events_that_were_never_put_are_put_with_the_next_scan(with_bus):
    world, bus = with_bus
    bus.fails = True
    world.handle(world.scan(world.hold({"latest", "1"}, {"CVE-1"})), failing=("event_bus",))
    bus.fails = False
    world.handle(world.scan(world.hold({"latest", "2"}, set())))
    assert sorted(bus.kinds) == [("finding.fixed", "CVE-1"), ("finding.opened", "CVE-1")]


OPENED_AND_FIXED = [("finding.opened", "CVE-1"), ("finding.fixed", "CVE-1")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"latest", "main"}, {"latest", "main"}),
        ({"latest", "1.0"}, {"latest", "1.1"}),
        ({"1.0"}, {"1.1"}),
        ({"1.0"}, {"latest", "1.1"}),
    ],
)
def test_what_the_next_build_fixed_is_told_once_whatever_its_tags(with_bus, first, second):
    world, bus = with_bus
    world.handle(world.scan(world.hold(first, {"CVE-1"})))
    digest = world.hold(second)
    for _ in range(3):
        world.handle(world.scan(digest))
    assert bus.kinds == OPENED_AND_FIXED


def test_what_runs_on_under_another_tag_is_fixed_once_that_moves_too(with_bus):
    world, bus = with_bus
    digest = world.hold({"latest", "prod"}, {"CVE-1"})
    world.handle(world.scan(digest))
    fixed = world.hold({"latest"})
    for each in (fixed, digest, fixed):
        world.handle(world.scan(each))
    assert bus.kinds == OPENED_AND_FIXED[:1]
    world.tag(fixed, "prod")
    world.handle(world.scan(fixed))
    assert bus.kinds == OPENED_AND_FIXED
    world.tag(digest, "prod")
    world.handle(world.scan(digest))
    assert bus.kinds == [*OPENED_AND_FIXED, ("finding.reopened", "CVE-1")]


@pytest.mark.parametrize("seed", range(12))
def test_events_say_what_is_open_however_tags_move(with_bus, seed):
    world, bus = with_bus
    choose, builds = Random(seed), []  # noqa: S311
    for step in range(8):
        if choose.random() < 0.6 or not builds:
            tags = {tag for tag in ("latest", "prod") if choose.random() < 0.5}
            tags |= {f"1.{step}"} if seed % 2 else set()
            builds.append(
                world.hold(tags or {"latest"}, {"CVE-1"} if choose.random() < 0.5 else ())
            )
        else:
            world.tag(choose.choice(builds), choose.choice(("latest", "prod")))
        for digest in builds:
            if world.held[digest].tags:
                world.handle(world.scan(digest))
        lines = [each for each in world.table.states.values() if not each.has_ended]
        statuses = {entry.status for each in lines for entry in each.ledger.entries.values()}
        last = bus.kinds[-1][0] if bus.kinds else None
        if OPEN in statuses:
            assert last in ("finding.opened", "finding.reopened")
        elif FIXED in statuses:
            assert last in (None, "finding.fixed")


def test_a_scan_that_is_told_twice_has_one_event(with_bus):
    world, bus = with_bus
    digest = world.hold({"latest", "1"}, {"CVE-1"})
    for _ in range(2):
        world.handle(world.scan(digest))
    assert len(bus.events) == 1


@pytest.mark.parametrize("tags", [("latest", "2"), ()])
def test_messages_say_how_long_what_is_not_new_has_been_open_and_is_overdue(tags):
    """Of a rebuild, and of an image that is in no line but runs."""
    world = Days(ECS_DISCOVERY_ENABLED="true", SLA="HIGH=2d", NOTIFY_BY_SECURITY_HUB="false")
    said = []
    world.services.report_topic = SimpleNamespace(publish=lambda each: said.append(each.body))
    world.services.image_uses = SimpleNamespace(
        of=lambda _: KnownUses({digest: ["ECS service shop"] for digest in world.held})
    )
    world.hold({"latest", "3"}, set())
    world.handle(world.scan(world.hold(tags, {"CVE-1"})))
    world.moments += 5 * 24
    digest = world.hold(tags, {"CVE-1", "CVE-2"}) if tags else list(world.held)[-1]
    world.held[digest].findings = frozenset({"CVE-1", "CVE-2"})
    world.handle(world.scan(digest))
    told = json.loads(json.loads(said[-1])["default"])
    days = {each["id"]: (each["daysOpen"], each["daysOverdue"]) for each in told["findings"]}
    assert days == {"CVE-1": (5, 3), "CVE-2": (0, 0)}
    assert told["overdueFindings"] == 1
