"""A repository, the application's adapters in memory, and what is true of it: written apart.

The fakes answer as AWS does, as far as the notifier asks: ECR by digests, tags and manifests,
the table with conditions on versions, Security Hub by the time of each update. Each call may be
where a function is killed.
"""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from chalicelib.aws.deliveries import EVERYTHING, AlreadyReported
from chalicelib.aws.line_states import Changed, Recalled
from chalicelib.ecr.findings import Finding, Package, counts_of, worst_first
from chalicelib.ecr.images import Image
from chalicelib.ecr.indexes import IndexEntry, ReadIndex, with_indexes
from chalicelib.ecr.last_scans import LastScan, ScanFindings
from chalicelib.notifying.notify import notify
from chalicelib.policy.accepted_risks import AcceptedRisk, AcceptedRisks
from chalicelib.runtime.deadline import Deadline
from chalicelib.settings.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT, REGION, REPOSITORY = "123456789012", "eu-west-1", "shop/api"
INDEX = "application/vnd.oci.image.index.v1+json"
PACKAGE = Package("openssl", "1")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Killed(BaseException):
    """The function was stopped from outside."""


@dataclass(eq=False)
class Held:
    """An image or an index in the repository."""

    digest: str
    pushed_at: datetime
    tags: set = field(default_factory=set)
    findings: frozenset = frozenset()
    children: tuple = ()  # pairs of digest and platform

    def as_image(self):
        return Image(
            self.digest,
            tuple(sorted(self.tags)),
            manifest_media_type=INDEX if self.children else MANIFEST,
            pushed_at=self.pushed_at,
        )


class World:
    """The repository with its images, and what the application's calls to AWS meet."""

    def __init__(self, **variables):
        self.held = {}
        self.accepted = set()
        self.moments = 0
        self.calls_left = None
        self.failing = set()
        self.messages = []
        self.hub = {}
        self.table = FakeTable(self)
        self.news = FakeNews(self)
        self._settings = {
            "NOTIFY_MODE": "new-findings",
            "REPORT_IMAGES": "all",
            "REPORT_WINDOW": "0",
            "HISTORY_TABLE_NAME": "history",
            "NOTIFY_BY_SECURITY_HUB": "true",
            "ECR_SNS_REPORT_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:reports",
            **variables,
        }
        self.services = SimpleNamespace(
            settings=Settings.from_environment(self._settings),
            registry_of=lambda _: FakeRegistry(self),
            repository_images_of=lambda _, remember: FakeContents(self),
            line_states=self.table,
            deliveries=self.table,
            image_uses=None,
            news=self.news if variables.get("REPORT_WINDOW") else None,
            scan_records=None,
            event_bus=None,
            report_topic=SimpleNamespace(publish=self._publish),
            security_hub=SimpleNamespace(
                account=ACCOUNT,
                product_arn="arn:product",
                partition="aws",
                import_findings=self._import_findings,
            ),
        )

    # --- What happens ---------------------------------------------------------------------------

    def later(self):
        self.moments += 1
        return START + timedelta(hours=self.moments)

    def hold(self, tags=(), findings=(), children=()):
        """Push an image or an index: its tags move to it."""
        held = Held(f"sha256:{len(self.table.digests):04}", self.later())
        self.table.digests.append(held.digest)
        held.findings, held.children = frozenset(findings), tuple(children)
        self.held[held.digest] = held
        for tag in tags:
            self.tag(held.digest, tag)
        return held.digest

    def tag(self, digest, tag):
        for held in self.held.values():
            held.tags.discard(tag)
        self.held[digest].tags.add(tag)

    def delete(self, digest):
        del self.held[digest]

    def read_indexes(self):
        """What indexes list is kept in the table, with the tags that they have when it is read."""
        for held in self.held.values():
            if held.children and held.digest not in self.table.indexes:
                entries = tuple(IndexEntry(*child) for child in held.children)
                self.table.indexes[held.digest] = ReadIndex(entries, tuple(sorted(held.tags)))

    def scan_event(self, digest):
        """The event of a scan that ends now."""
        found = counts_of(_finding(name) for name in self.held[digest].findings)
        tags = sorted(self.held[digest].tags)
        return self._event(
            "ECR Image Scan",
            {
                "scan-status": "COMPLETE",
                "image-digest": digest,
                "image-tags": tags,
                "finding-severity-counts": found,
            },
        )

    def failed_event(self, digest):
        return self._event("ECR Image Scan", {"scan-status": "FAILED", "image-digest": digest})

    def deletion_event(self, digest):
        detail = {"result": "SUCCESS", "action-type": "DELETE", "image-digest": digest}
        return self._event("ECR Image Action", detail)

    def finding_events(self, digest, names):
        """The events of Amazon Inspector about an image, minutes after the last event of all."""
        image = {"repositoryName": REPOSITORY, "imageHash": digest}
        package = {"name": PACKAGE.name, "version": PACKAGE.version}
        told = self._event("Inspector2 Finding", {})
        for number, name in enumerate(sorted(names), start=1):
            moment = datetime.fromisoformat(told["time"]) - timedelta(minutes=60 - number)
            detail = {
                "severity": "HIGH",
                "status": "ACTIVE",
                "resources": [{"details": {"awsEcrContainerImage": image}}],
                "packageVulnerabilityDetails": {
                    "vulnerabilityId": name,
                    "vulnerablePackages": [package],
                },
            }
            yield told | {
                "id": f"{told['id']}-{number}",
                "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "detail": detail,
            }

    def leave_scope(self):
        """Let the repository be out of scope."""
        others = {**self._settings, "REPOSITORIES_FILTER_REGEXP": "^others/"}
        self.services.settings = Settings.from_environment(others)

    def come_back(self):
        """Let the repository be in scope."""
        self.services.settings = Settings.from_environment(self._settings)

    def handle(self, event, *, failing=(), calls=None):
        """Let the notifier have an event; whether it dealt with it."""
        self.failing, self.calls_left = set(failing), calls
        try:
            self.services.accepted_risks = AcceptedRisks(
                tuple(
                    AcceptedRisk("known", START.date().replace(year=9999), vulnerability=name)
                    for name in sorted(self.accepted)
                )
            )
            notify(event, self.services, Deadline.unlimited())
        except Killed:
            return False
        except Exception:
            if not failing:
                raise
            return False
        else:
            return True
        finally:
            self.failing, self.calls_left = set(), None

    def called(self):
        """Count a call to AWS; the function may be killed there."""
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise Killed

    def _event(self, kind, detail):
        moment = self.later()
        return {
            "id": f"event-{self.moments}",
            "detail-type": kind,
            "account": ACCOUNT,
            "region": REGION,
            "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "detail": {"repository-name": REPOSITORY, **detail},
        }

    def send_collected(self):
        """Publish the news that waits."""
        for news in self.news.waiting.values():
            self.messages.append((news.digest, {flaw.identifier for flaw in news.new}))
        self.news.waiting.clear()

    # --- What comes of it -----------------------------------------------------------------------

    @property
    def active(self):
        """What Security Hub has as open: pairs of image digest and vulnerability."""
        return sorted(
            (
                finding["Resources"][0]["Details"]["AwsEcrContainerImage"]["ImageDigest"],
                finding["Vulnerabilities"][0]["Id"],
            )
            for finding in self.hub.values()
            if finding["RecordState"] == "ACTIVE"
        )

    def _publish(self, message):
        if "topic" in self.failing:
            raise ConnectionError("no answer")
        self.called()
        report = json.loads(json.loads(message.body)["default"])
        new = {finding["id"] for finding in report["findings"] if finding["isNew"]}
        self.messages.append((report["imageDigest"], new))
        self.called()

    def _import_findings(self, findings, _):
        if "security_hub" in self.failing:
            raise ConnectionError("no answer")
        for finding in findings:
            self.called()
            known = self.hub.get(finding["Id"])
            if known is None or known["UpdatedAt"] < finding["UpdatedAt"]:
                self.hub[finding["Id"]] = finding
        self.called()

    # --- What is true ---------------------------------------------------------------------------

    def open_in(self, digest):
        return self.held[digest].findings - self.accepted

    def wholes(self):
        """What stands for itself: indexes, and images that are in none."""
        listed = {digest for held in self.held.values() for digest, _ in held.children}
        return [held for held in self.held.values() if held.children or held.digest not in listed]

    def current_wholes(self):
        """Those with a tag that moves, and the newest."""
        wholes = self.wholes()
        newest = max(wholes, key=lambda held: held.pushed_at, default=None)
        return [held for held in wholes if moving(held) or held is newest]

    def current(self):
        """The images that are current, by digest, with the tags and the platforms they have."""
        found = {}
        for held in self.current_wholes():
            for digest, platform in held.children or ((held.digest, ""),):
                found.setdefault(digest, set()).update((tag, platform) for tag in moving(held))
        return found

    def scannable(self):
        return [held.digest for held in self.held.values() if not held.children]


def moving(held):
    return {tag for tag in held.tags if not any(character.isdigit() for character in tag)}


def _finding(name):
    return Finding(name, "HIGH", (PACKAGE,))


class FakeRegistry:
    def __init__(self, world):
        self._world = world

    def existing(self, repository, names, backoff):
        self._world.called()
        digests = {name.get("imageDigest") for name in names}
        tags = {name.get("imageTag") for name in names}
        return [
            held.as_image()
            for held in self._world.held.values()
            if held.digest in digests or held.tags & tags
        ]

    def last_scan(self, repository, digest):
        self._world.called()
        return LastScan("FAILED", "InternalError: the scan could not be done", START)

    def scan_findings(self, repository, digest, call):
        self._world.called()
        held = self._world.held.get(digest)
        if held is None:
            return None
        findings = worst_first(map(_finding, held.findings))
        return ScanFindings("COMPLETE", START, counts_of(findings), findings, len(findings))


class FakeContents:
    def __init__(self, world):
        self._world = world

    def kept(self, repository):
        self._world.called()
        return dict(self._world.table.indexes)

    def entries(self, repository, indexes, backoff):
        self._world.called()
        self._world.read_indexes()
        return {each.digest: self._world.table.indexes[each.digest].entries for each in indexes}

    def read(self, repository, backoff):
        self._world.called()
        images = [held.as_image() for held in self._world.held.values()]
        indexes = [image for image in images if image.is_manifest_list]
        return with_indexes(images, self.entries(repository, indexes, backoff))

    def forget(self, repository, digest):
        self._world.called()
        self._world.table.indexes.pop(digest, None)


class FakeNews:
    """The news that waits for the report topic."""

    def __init__(self, world):
        self._world = world
        self.waiting = {}

    def now(self):
        return self._world.table.now()

    def begun_at(self):
        self._world.called()
        return int(START.timestamp())

    def add(self, channel, news):
        if channel in self._world.failing:
            raise ConnectionError("no answer")
        self._world.called()
        self.waiting[news.key] = news
        self._world.called()


class FakeTable:
    """The history: deliveries and line states, with the conditions of the real one."""

    def __init__(self, world):
        self._world = world
        self.states = {}
        self.newest = None
        self.events = None
        self.walked_at = 0
        self.tags = {}
        self.indexes = {}
        self.handled = set()
        self.noted = {}
        self.digests = []

    def now(self):
        return int((START + timedelta(hours=self._world.moments)).timestamp())

    def begin(self, place, digest, event):
        self._world.called()
        if event in self.handled:
            raise AlreadyReported(event)
        noted = self.noted.setdefault(event, set())

        def delivered(channel, what):
            self._world.called()
            noted.add((channel, what))

        def has(channel, what):
            has = {other for each, other in noted if each == channel}
            return what in has or EVERYTHING in has or (what in ("", EVERYTHING) and bool(has))

        def finish(*, has_looked):
            self._world.called()
            self.handled.add(event)

        return SimpleNamespace(
            looked_at=0,
            has=has,
            delivered=delivered,
            finish=finish,
            release=lambda: None,
        )

    def recall(self, place, *, consistent=False):
        self._world.called()
        return Recalled(dict(self.states), self.newest, self.walked_at, self.events)

    def keep_events(self, place, events):
        self._world.called()
        if self.events is not None and self.events.version != events.version:
            raise Changed("events")
        self.events = replace(events, version=events.version + 1)
        return self.events

    def keep(self, place, state):
        self._world.called()
        known = self.states.get(state.line)
        if known is not None and known.version != state.version:
            raise Changed(state.line)
        updated_at = max(self.now() * 1000, state.updated_at + 1)
        new = replace(state, version=state.version + 1, updated_at=updated_at)
        self.states[state.line] = new
        return new

    def keep_newest(self, place, before, newest):
        self._world.called()
        if self.newest is not None and self.newest.digest != (before and before.digest):
            raise Changed("newest")
        self.newest = newest

    def begin_walk(self, place):
        self._world.called()
        return self.now()

    def end_walk(self, place, walked_at):
        self.walked_at = self.walked_at if walked_at is None else walked_at

    def tagged(self, place, tags):
        self._world.called()
        return {tag: self.tags[tag] for tag in tags if tag in self.tags}

    def keep_tagged(self, place, tags):
        self._world.called()
        self.tags |= tags
