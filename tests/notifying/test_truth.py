"""Whatever happens to a repository, what is reported of it is true.

A machine pushes, tags, deletes and scans, takes the repository out of scope and back, and lets
events be lost, late, repeated and cut short; then every image that is there is scanned once more.
What Security Hub has as open is compared with what is in the images that are current, by a model
that knows no lines.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.notifying.truth import World

TAGS = st.sets(st.sampled_from(["latest", "prod", "dev"]), max_size=2)
FINDINGS = st.sets(st.sampled_from(["CVE-1", "CVE-2", "CVE-3"]), max_size=3)
PLATFORMS = st.lists(
    st.sampled_from(["linux/amd64", "linux/arm64", "windows/amd64"]),
    min_size=1,
    max_size=3,
    unique=True,
)
NUMBERS = st.integers(0, 1000)
FAILING = st.sampled_from([(), (), (), ("topic",), ("security_hub",), ("topic", "security_hub")])


class Truth(RuleBasedStateMachine):
    """A repository under way."""

    def __init__(self):
        super().__init__()
        self.world = World()
        self.events = []
        self.builds = 0
        # What was open at the last look: by image, and by each tag and platform.
        self.by_image = {}
        self.by_tag = {}
        # What was open in the last image of each tag and platform, be it that nothing has it now.
        self.by_tag_ever = {}
        # What was open in each image when it was current last, or reported of it since.
        self.when_current = {}
        self.wholes_of = {}
        # What scans since then did not find, by image.
        self.not_found = {}
        self.seen = set()
        self.ever_heard = set()
        self.is_quiet = True
        self.was_out = False

    def choose(self, number, among):
        return among[number % len(among)] if among else None

    @rule(tags=TAGS, findings=FINDINGS)
    def push_image(self, tags, findings):
        self.builds += 1
        self.world.hold({*tags, f"git-{self.builds}"}, findings)

    @rule(findings=FINDINGS)
    def push_image_without_tags(self, findings):
        self.world.hold((), findings)

    @rule(tags=TAGS, platforms=PLATFORMS, findings=st.lists(FINDINGS, min_size=3, max_size=3))
    def push_index(self, tags, platforms, findings):
        self.builds += 1
        children = [
            (self.world.hold((), found), platform)
            for platform, found in zip(platforms, findings, strict=False)
        ]
        self.world.hold({*tags, f"git-{self.builds}"}, children=children)

    @rule(number=NUMBERS, tags=TAGS)
    def push_index_of_images_that_are_there(self, number, tags):
        indexes = [held for held in self.world.held.values() if held.children]
        if index := self.choose(number, indexes):
            self.builds += 1
            self.world.hold({*tags, f"git-{self.builds}"}, children=index.children)
            # No push scans them; the scanner that does has read the repository before.
            self.world.read_indexes()

    @rule(number=NUMBERS, tag=st.sampled_from(["latest", "prod", "dev"]))
    def move_tag(self, number, tag):
        if whole := self.choose(number, self.world.wholes()):
            self.world.tag(whole.digest, tag)

    @rule(number=NUMBERS, is_lost=st.booleans())
    def delete(self, number, is_lost):
        if whole := self.choose(number, self.world.wholes()):
            self.world.delete(whole.digest)
            if not is_lost:
                self.events.append(self.world.deletion_event(whole.digest))

    @rule(tag=st.sampled_from(["latest", "prod", "dev"]))
    def delete_tag(self, tag):
        for held in self.world.held.values():
            if tag in held.tags and len(held.tags) > 1:
                held.tags.discard(tag)
                self.events.append(self.world.deletion_event(held.digest))

    @rule(number=NUMBERS, findings=FINDINGS)
    def find_others(self, number, findings):
        if digest := self.choose(number, self.world.scannable()):
            self.world.held[digest].findings = frozenset(findings)

    @rule(name=st.sampled_from(["CVE-1", "CVE-2"]))
    def accept_or_no_longer(self, name):
        self.world.accepted ^= {name}

    @rule(number=NUMBERS)
    def scan(self, number):
        if digest := self.choose(number, self.world.scannable()):
            self.events.append(self.world.scan_event(digest))
            lacking = self.by_image.get(digest, set()) - self.world.held[digest].findings
            self.not_found.setdefault(digest, set()).update(lacking)

    @rule(number=NUMBERS, names=FINDINGS)
    def make_findings(self, number, names):
        """Amazon Inspector makes findings in an image, and has an event for each."""
        if digest := self.choose(number, self.world.scannable()):
            self.world.held[digest].findings |= names
            self.events += self.world.finding_events(digest, names)

    @rule()
    def leave_scope(self):
        self.was_out = True
        self.world.leave_scope()

    @rule(number=NUMBERS)
    def fail_to_scan(self, number):
        if digest := self.choose(number, self.world.scannable()):
            self.events.append(self.world.failed_event(digest))

    @rule(
        number=NUMBERS, failing=FAILING, calls=st.none() | st.integers(0, 30), again=st.booleans()
    )
    def deliver(self, number, failing, calls, again):
        if event := self.choose(number, self.events):
            self.is_quiet = False
            dealt_with = self.world.handle(event, failing=failing, calls=calls)
            if dealt_with and not again:
                self.events.remove(event)

    @rule(order=st.randoms(use_true_random=False))
    def scan_all(self, order):
        """Every image is scanned once more, and every event dealt with.

        A repository that was out of scope comes back first.
        """
        if self.was_out:
            self.deal_with_all(order)
            assert not self.world.scannable() or not self.world.active
            self.world.come_back()
        self.deal_with_all(order)
        self.world.send_collected()
        if self.world.scannable():
            self.security_hub_has_what_is_open()
            if not self.was_out:
                self.people_have_heard_of_what_is_open()
                self.people_have_heard_of_it_once()
        self.look()

    def deal_with_all(self, order):
        self.events += [self.world.scan_event(digest) for digest in self.world.scannable()]
        order.shuffle(self.events)
        for event in self.events:
            assert self.world.handle(event)
        self.events.clear()

    def security_hub_has_what_is_open(self):
        open_now = [(each, name) for each in self.world.current() for name in self.open_in(each)]
        assert self.world.active == sorted(open_now)

    def people_have_heard_of_what_is_open(self):
        """What is new in a tag's image since the last look was reported since then."""
        heard = set().union(*(names for _, names in self.world.messages))
        known = set().union(*self.when_current.values())
        for digest, tags in self.world.current().items():
            before = [self.by_tag[tag] for tag in tags if tag in self.by_tag]
            was_open = set().union(*before, self.by_image.get(digest, set()))
            # Where a tag is taken up again, what was open with it then is no news.
            ever = known.union(*(self.by_tag_ever.get(tag, ()) for tag in tags))
            news = self.open_in(digest) - (was_open if before else ever)
            news -= self.when_current.get(digest, set())
            if digest in self.seen and digest not in self.by_image:
                # It may have been the newest that was known in between.
                news -= self.ever_heard
            assert news <= (self.heard_of(digest) if self.is_quiet and before else heard)

    def people_have_heard_of_it_once(self):
        """What was open in an image, or in those with a new one's tags, is not reported again.

        What comes into an image that was current is news of it, whatever tag it gets, and so is
        what was fixed in it and is back.
        """
        for digest, tags in self.world.current().items() if self.is_quiet else ():
            before = [self.by_tag.get(tag, set()) for tag in tags]
            known = set.intersection(*before) if before and digest not in self.seen else set()
            # An image that is current by another index than before may begin anew.
            if self.wholes_of.get(digest, set()) & self.wholes_now(digest):
                known = self.by_image[digest] - self.not_found.get(digest, set())
            assert not known & self.heard_of(digest)

    def look(self):
        current = self.world.current()
        self.by_image = {digest: set(self.open_in(digest)) for digest in current}
        for digest, names in self.world.messages:
            self.when_current[digest] = self.when_current.get(digest, set()) | names
        self.when_current |= self.by_image
        self.by_tag = {tag: self.by_image[each] for each, tags in current.items() for tag in tags}
        self.by_tag_ever |= self.by_tag
        self.wholes_of = {digest: self.wholes_now(digest) for digest in current}
        self.not_found.clear()
        self.seen |= self.world.held.keys()
        self.ever_heard |= set().union(*(names for _, names in self.world.messages))
        self.world.messages.clear()
        self.is_quiet = True
        self.was_out = False

    def open_in(self, digest):
        return self.world.open_in(digest)

    def wholes_now(self, digest):
        return {held.digest for held in self.world.current_wholes() if digest in members(held)}

    def heard_of(self, digest):
        return set().union(*(names for each, names in self.world.messages if each == digest))


class CollectedTruth(Truth):
    """A repository under way, whose news is collected and sent now and then."""

    def __init__(self):
        super().__init__()
        self.world = World(REPORT_WINDOW="5m")

    @rule()
    def send(self):
        self.world.send_collected()


def members(held):
    return {digest for digest, _ in held.children} or {held.digest}


TestTruth = Truth.TestCase
TestTruth.settings = settings(max_examples=200, stateful_step_count=40)

TestCollectedTruth = CollectedTruth.TestCase
TestCollectedTruth.settings = settings(max_examples=100, stateful_step_count=40)
