"""Break the rules one at a time and see that the tests notice: ``python -m tests.mutations``.

Each mutation is made in a copy of the project, in which the tests of that module must then fail.
Prints a table; ends with status 1 when a mutation survives or no longer fits the source.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
NEEDED = (
    *(".chalice", "app.py", "benchmarks", "chalicelib", "deployment", "docs"),
    *("ecr_scan_reporter", "local", "tests"),
    "pyproject.toml",
)
FAILED, PASSED = 1, 0
LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Mutation:
    """One replacement in a module, which the given tests must notice."""

    name: str
    module: str
    old: str
    new: str
    tests: str

    def apply(self, source: str) -> str:
        """The source with the rule broken; the old text must be in it exactly once."""
        if source.count(self.old) != 1:
            raise ValueError(f"{self.module} has {self.old!r} {source.count(self.old)} times")
        return source.replace(self.old, self.new)


def mutations_of(module: str, tests: str, *changes: tuple[str, str, str]) -> list[Mutation]:
    """The mutations of one module, each given as its name, the old text and the new one."""
    return [Mutation(name, module, old, new, tests) for name, old, new in changes]


AGE = "record.at < stale_before.timestamp()"
DUE = "Decision(True, Reason.{})"
NOT_DUE = "Decision(False, Reason.{})"

MUTATIONS = [
    *mutations_of(
        "ecr_scan_reporter/gate/steps.py",
        "tests/command/gate/test_steps.py",
        (
            "what is unknown is known",
            "    if scan is None or scan.findings is None:",
            "    if scan is None:",
        ),
        (
            "old scans are new enough",
            "scan.completed_at is not None and scan.completed_at >= stale_before",
            "True",
        ),
        (
            "a scan that failed is started again and again",
            "return Step.START if start is None else Step.GIVE_UP",
            "return Step.START",
        ),
        (
            "what was refused is waited for",
            "return Step.WAIT if start.refusal is None else Step.GIVE_UP",
            "return Step.WAIT",
        ),
    ),
    *mutations_of(
        "ecr_scan_reporter/gate/due_dates.py",
        "tests/command/gate/test_due_dates.py",
        (
            "what may be overdue is not",
            "        if age.is_overdue(today) == oldest.is_overdue(today):\n            ages",
            "        if True:\n            ages",
        ),
        ("an unread history is none", "if not record.unread or age.is_overdue(today)", ""),
        (
            "of unknown age is in time",
            "self.asked and (self.sla is None or self.undated > 0)",
            "False",
        ),
        (
            "a platform on record is enough",
            "return (own, True) if own and is_own else (record.lines, False)",
            "return (own, True) if own else (record.lines, False)",
        ),
    ),
    *mutations_of(
        "ecr_scan_reporter/gate/verdict.py",
        "tests/command/gate/test_verdict.py",
        (
            "what is unknown passes",
            "return Outcome.PASSED if all_known else Outcome.UNDECIDED",
            "return Outcome.PASSED",
        ),
        (
            "unsupported platforms are unknown",
            "self.unknown.keys() <= unsupported",
            "not self.unknown",
        ),
        (
            "old findings are all",
            "self.report.known and self.unknown",
            "self.report.known or self.unknown",
        ),
        (
            "what may be exploited passes",
            "self.is_known and not self.exploitation_unknown",
            "self.is_known",
        ),
        (
            "a problem is no matter",
            "        if self.problem:\n            return Outcome.UNDECIDED\n",
            "",
        ),
        (
            "without findings to compare with all is new",
            "return Outcome.FAILED if compared else Outcome.UNDECIDED",
            "return Outcome.FAILED",
        ),
        ("what is worse is not new", "or is_worse(each.severity, had[each.key])", ""),
    ),
    *mutations_of(
        "chalicelib/policy/last_warnings.py",
        "tests/scanning/test_image_warnings.py",
        ("what an upgrade left is known", "not self._is_unmarked and self.marks", "self.marks"),
        (
            "what is known in full is not marked",
            "None if are_marked else",
            "None if were_last else",
        ),
        ("what an earlier version said is news", "{} if self._is_unmarked else added", "added"),
        ("what is not found is forgotten", "for name in found if", "for name in images if"),
    ),
    *mutations_of(
        "chalicelib/aws/sent_warnings.py",
        "tests/scanning/test_image_warnings.py",
        ("what is found stays the last", "SET #images = :none DELETE", "SET #none = :none DELETE"),
    ),
    *mutations_of(
        "chalicelib/aws/workloads.py",
        "tests/aws/test_ecs.py",
        ("whatever else is wrong was deleted", " and about.startswith(message)", ""),
        ("the first source that fails is the last", "failure = failure or error", "raise"),
    ),
    *mutations_of(
        "chalicelib/policy/urgency.py",
        "tests/policy/test_urgency.py",
        ("unknown is no", "return 1 if answer is None", "return 2 if answer is None"),
        ("EPSS goes before severity", "LIKELY = (0.5, 0.1)", "LIKELY = (0.5, 0.1, 0.015)"),
    ),
    *mutations_of(
        "chalicelib/policy/scores.py",
        "tests/policy/test_feeds.py",
        ("a score of the next CVE", "self._rows[at] >> _BITS == number", "True"),
    ),
    *mutations_of(
        "chalicelib/aws/kept_feeds.py",
        "tests/aws/test_kept_feeds.py",
        ("a newer feed is not read", " or state.fetched != self._fetched[name]", ""),
        ("a feed that is not there is not said", "state.warning(now) or unread", "unread"),
    ),
    *mutations_of(
        "chalicelib/notifying/report.py",
        "tests/notifying/test_messages.py",
        ("what is overdue waits", "overdue=age.is_overdue(day)", "overdue=None"),
    ),
    *mutations_of(
        "chalicelib/policy/feeds.py",
        "tests/policy/test_feeds.py",
        ("a feed of the future", "if moment > now + _SKEW:", "if False:"),
        ("a feed that is cut short", 'if not line.endswith(b"\\n"):', "if False:"),
        ("a feed that lost much", "if 2 * entries < self.entries:", "if False:"),
    ),
    *mutations_of(
        "chalicelib/fleet/model.py",
        "tests/fleet/test_model.py",
    ),
    *mutations_of(
        "chalicelib/fleet/comparison.py",
        "tests/fleet/test_comparison.py",
        (
            "what is unknown now is fixed",
            "return frozenset(keys - closed - set(",
            "return frozenset(keys & closed - set(",
        ),
        ("what is unknown now is forgotten", "if now.newest_certain and not kept:", "if True:"),
        ("what could not be read is forgotten", "for each in unread),", "for each in ()),"),
        (
            "an age is taken from a finding that is there",
            "known = known_keys(now.all_findings, earlier.ages)",
            "known = known_keys(undated, earlier.ages)",
        ),
        (
            "what is not looked at any more is kept",
            "if not report.was_looked_at(each))",
            ")",
        ),
        (
            "a repository that was deleted is unknown",
            "deleted = absent & set(report.deleted)",
            "deleted = set()",
        ),
        (
            "the date of what is last known moves on",
            "each.as_of or earlier.generated_at",
            "earlier.generated_at",
        ),
        (
            "what was never known has a date",
            "if each.newest_certain or each.as_of or any(each.all_findings)",
            "",
        ),
        (
            "an age that cannot be read now is lost",
            "now = _with_earlier_ages(now, earlier.report)",
            "pass",
        ),
        ("what one platform has hides the rest", "(*now.findings, *old.findings)", "now.findings"),
        (
            "new and fixed are exchanged",
            "current.keys() - known.keys()",
            "known.keys() & current.keys()",
        ),
        (
            "what does not count since is fixed",
            "known_keys(now.all_findings, before.keys())",
            "known_keys(now.findings, before.keys())",
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/formats/pages.py",
        "tests/fleet/test_formats.py",
        ("nothing is said to be open", "[] if worst or report.unknown", "[] if worst"),
    ),
    *mutations_of(
        "chalicelib/fleet/model.py",
        "tests/fleet/test_model.py",
        (
            "one image of an index will do",
            "return any_known and all(",
            "return any_known or all(",
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/collecting.py",
        "tests/fleet/test_collecting.py",
        (
            "one broken repository ends the report",
            'return self._missed(listed.repository, f"failed ({type(error).__name__})")',
            "raise",
        ),
        (
            "the last ones are always the last",
            "key=lambda e: self._last_looks.get(e.repository, _NEVER)",
            "key=lambda e: e.repository",
        ),
        ("a throttled listing is not tried again", "if is_throttling(error):", "if False:"),
        (
            "all that was known was deleted",
            "in self._last_looks if each.registry == place} - listed",
            "in self._last_looks}",
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/comparison.py",
        "tests/fleet/test_unread_uses.py",
        (
            "what images in use had is fixed while they are unread",
            "        keys &= _had_by_unread(now, old)\n",
            "        keys = set()\n",
        ),
        (
            "what images in use had is never fixed",
            "if now.newest_certain and now.in_use_complete:",
            "if False:",
        ),
        ("what an image had that was read is kept", "keys - closed - set(", "keys - set("),
        (
            "what ran before runs for ever",
            "    if now.in_use_complete:\n        return joined\n",
            "",
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/model.py",
        "tests/fleet/test_unread_uses.py",
        (
            "what may run is only stored",
            "return None if self.running is None or not self.in_use_complete else False",
            "return None if self.running is None else False",
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/collecting.py",
        "tests/fleet/test_unread_uses.py",
        (
            "an image that runs and is not scanned has nothing",
            "in_use=each.digest in in_use)",
            "in_use=False)",
        ),
    ),
    *mutations_of(
        "chalicelib/aws/image_uses.py",
        "tests/aws/test_image_uses.py",
        ("old uses live on", 'if item["expires_at"] >= last:', "if True:"),
        ("some parts are all", " if len(parts) == int(count))", ")"),
        ("parts of two listings are one", "wholes[count, whole]", 'wholes[count, ""]'),
    ),
    *mutations_of(
        "chalicelib/fleet/weighing.py",
        "tests/fleet/test_collecting.py",
        ("accepted risks count", "findings=apart.findings", "findings=report.findings"),
        ("nothing says which entries ran out", "self._expired.update(expired)", "pass"),
        (
            "entries are of no repository",
            "            report.repository.name,\n            report.findings",
            '            "",\n            report.findings',
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/sources.py",
        "tests/fleet/test_collecting.py",
        (
            "unknown is never scanned",
            "if kind is ScanKind.NONE",
            "if kind in {ScanKind.NONE, None}",
        ),
        ("what runs was never scanned", "return ScanKind.RUNNING if started else", "return"),
        ("Inspector is not asked", "if self._is_enhanced() else None", "if False else None"),
    ),
    *mutations_of(
        "chalicelib/fleet/digest.py",
        "tests/fleet/test_digest.py",
        ("a kept report is gathered anew", "read_report(keys.json, bucket) or ", ""),
    ),
    *mutations_of(
        "chalicelib/fleet/marks.py",
        "tests/fleet/test_digest.py",
        ("a digest is sent again", "return mark is not None", "return False"),
        ("the mark stays when sending fails", "            self.bucket.delete(self.key)\n", ""),
        ("sent digests look unsent", "put(self.key, _SENT,", "put(self.key, _SENDING,"),
        ("what was not sent is a baseline", "if bucket.get(mark) == _SENT", ""),
    ),
    *mutations_of(
        "chalicelib/fleet/owner_parts.py",
        "tests/fleet/test_owner_parts.py",
        (
            "unread registries' repositories were deleted",
            "set(self._all.registries) - {each.repository for each in self._unlisted}",
            "set(self._all.registries)",
        ),
        ("unread registries are of nobody", "missed += self._unlisted", "pass"),
        (
            "unknown owners have nothing",
            "*(self._of_unknown[each] for each in before if each in self._of_unknown),",
            "",
        ),
        (
            "all entries ran out for all",
            "return tuple(entry for entry in entries if entry in found)",
            "return entries",
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/owner_digests.py",
        "tests/fleet/test_owner_digests.py",
        ("one topic's failure is the run's", "failures[each.channel] = str(error)", "raise"),
        (
            "owners have the fleet's baseline",
            "parts.of(keys.owner, earlier)",
            "parts.of(keys.owner, None)",
        ),
    ),
    *mutations_of(
        "chalicelib/text/templating.py",
        "tests/text/test_templating.py",
        ("any address is a link", 'r"https?://', 'r"\\w+:'),
        (
            "Markdown may hold HTML",
            "html.escape(plain(value).strip(), quote=False)",
            "plain(value).strip()",
        ),
        ("line breaks stay", 'found[0] if found[0].isprintable() else " "', "found[0]"),
        ("HTML is not escaped", "return html.escape(plain(value))", "return plain(value)"),
    ),
    *mutations_of(
        "chalicelib/fleet/formats/spreadsheet.py",
        "tests/fleet/test_formats.py",
        ("accepted risks look like others", "risk and risk.expires,", "None,"),
        (
            "formulas stay formulas",
            r"""_FORMULA.sub(r"\1\2'", plain(value).strip())""",
            "plain(value)",
        ),
    ),
    *mutations_of(
        "chalicelib/policy/due.py",
        "tests/policy/test_due.py",
        ("a scan exactly as old as allowed is due", AGE, AGE.replace("<", "<=")),
        ("fresh scans are due, stale ones are not", AGE, AGE.replace("<", ">")),
        ("stale scans are not due", DUE.format("SCAN_EXPIRED"), NOT_DUE.format("SCAN_EXPIRED")),
        ("unscanned is not due", DUE.format("NEVER_SCANNED"), NOT_DUE.format("NEVER_SCANNED")),
        ("unknown is never scanned", "record is None or record.is_open(seconds)", "False"),
        ("failed scans go by their age", "    ScanKind.FAILED: Reason.SCAN_FAILED,", ""),
        ("failed scans are tried at once", "wait_days(record) * DAY_SECONDS", "0"),
        ("failures wait a day each time", "1 << min(max(record.failures - 1, 0), 5)", "1"),
        ("the unsupported is tried each day", "if record.kind.cannot_be_scanned:", "if False:"),
        ("running scans are started", "if record.is_running(seconds):", "if False:"),
        (
            "an hour makes an image a day late",
            "moment + min(LONGEST_TOLERANCE",
            "moment + 0 * min(LONGEST_TOLERANCE",
        ),
        ("archived images are started", "if image.archived:", "if False:"),
        ("manifest lists are started", "if image.is_manifest_list:", "if False:"),
        ("artifacts are started", "if image.is_artifact:", "if False:"),
    ),
    *mutations_of(
        "chalicelib/policy/thresholds.py",
        "tests/policy/test_thresholds.py",
        ("the threshold itself is not reached", "0) >= max(", "0) > max("),
        ("no finding reaches a threshold of 0", "max(1, threshold)", "threshold"),
        ("one finding does not reach 0", "max(1, threshold)", "max(2, threshold)"),
        ("any finding reaches any threshold", "max(1, threshold)", "1"),
        (
            "every threshold is the critical one",
            "getattr(self, severity.lower())",
            "self.critical",
        ),
        ("a threshold that is not set is 0", "threshold is not None and", ""),
        (
            "what is not known is exploited",
            "known_exploited is True",
            "known_exploited is not False",
        ),
    ),
    *mutations_of(
        "chalicelib/ecr/images.py",
        "tests/ecr/test_images.py",
        (
            "no deduplication by digest",
            "return list(images.values())",
            "return [*map(_image, details)]",
        ),
        ("one image a tag", "images[image.digest] = ", "images[str(image.tags)] = "),
        ("the first tags only", "twin.tags + image.tags", "twin.tags"),
        ("the last tags only", "twin.tags + image.tags", "image.tags"),
        ("tags twice", "tuple(dict.fromkeys(twin.tags + image.tags))", "twin.tags + image.tags"),
        ("signatures are images", "bool(self.tags) and", "False and"),
        ("untagged images are signatures", "bool(self.tags) and ", ""),
        (
            "what refers to an image is an image",
            "if self.attestation or self.subject_digest is not None:",
            "if self.attestation:",
        ),
    ),
    *mutations_of(
        "chalicelib/ecr/indexes.py",
        "tests/ecr/test_indexes.py",
        ("an unknown platform is one", "or text == _UNKNOWN", ""),
        ("the annotation says nothing", 'kind == "attestation-manifest" or', "False or"),
        ("what one index attests is no image", "attestation=all(", "attestation=any("),
    ),
    *mutations_of(
        "chalicelib/ecr/scan_statuses.py",
        "tests/ecr/test_scan_statuses.py",
        ("unsupported is a failure", "description.startswith(_UNSUPPORTED)", "False"),
        ("a new word is no scan", "_KINDS.get(status, ScanKind.UNKNOWN)", "ScanKind.NONE"),
    ),
    *mutations_of(
        "chalicelib/ecr/scan_records.py",
        "tests/ecr/test_scan_records.py",
        ("failures are not counted", "(before or NEVER).failures + 1", "1"),
        (
            "a start forgets the scan before",
            "replace(before or NEVER, at=at",
            "replace(NEVER, at=at",
        ),
        ("scans that ended well are asked for", "self.kind is not ScanKind.KNOWN and", ""),
        ("a lost event is never noticed", "and not self.is_running(now)", "and False"),
        (
            "a failed scan ended now",
            "before.at if before and before.started else assumed_at",
            "now",
        ),
    ),
    *mutations_of(
        "chalicelib/aws/scan_records.py",
        "tests/aws/test_scan_records.py",
        ("an earlier scan is remembered", "OR #at < :at", "OR #at > :at"),
        ("a failure counts twice", "#at = :at AND attribute_exists(#started)", "#at = :at"),
        ("a scan runs for ever", " REMOVE #started", ""),
    ),
    *mutations_of(
        "chalicelib/aws/repositories.py",
        "tests/aws/test_repositories.py",
        ("indexes are read each time", "if index.digest not in found", "if True"),
        ("archived indexes are read", "and not each.archived", ""),
        ("a missing permission ends it", "if not is_refusal(error):", "if True:"),
    ),
    *mutations_of(
        "chalicelib/aws/inspector.py",
        "tests/aws/test_inspector.py",
        (
            "what is not covered was never scanned",
            'if reason == "SCAN_FREQUENCY_MANUAL":',
            "if False:",
        ),
        ("what ran long ago is in use", "self._clock() - last < LATELY", "True"),
        ("other repositories count too", '"ecrRepositoryName": [{', '"ecrImageTags": [{'),
    ),
    *mutations_of(
        "chalicelib/policy/durations.py",
        "tests/policy/test_durations.py",
        ("durations reach into the future", "astimezone(UTC) - rel", "astimezone(UTC) + rel"),
        ("one digit a unit", "[0-9]+", "[0-9]"),
        ("zero is a duration", "(?=.*[1-9])", ""),
        ("trailing text is let through", "_DURATION.fullmatch", "_DURATION.match"),
        ("local time", "moment.astimezone(UTC) -", "moment -"),
    ),
    *mutations_of(
        "chalicelib/aws/sqs.py",
        "tests/aws/test_sqs.py tests/scanning/test_lister.py",
        ("refused entries are not sent again", "_ATTEMPTS = 4", "_ATTEMPTS = 1"),
        ("refused entries are dropped", "if refused:", "if False:"),
        ("eleven messages a batch", "BATCH_SIZE = 10", "BATCH_SIZE = 11"),
        ("one message a batch", "BATCH_SIZE = 10", "BATCH_SIZE = 1"),
    ),
    *mutations_of(
        "chalicelib/aws/ecr.py",
        "tests/scanning/test_scanner.py",
        ("100 images a page", "PAGE_SIZE = 1000", "PAGE_SIZE = 100"),
        ("once a day is an error", '"LimitExceededException": Reason.SCANNED_TODAY,', ""),
        ("a deleted image is an error", '"ImageNotFoundException": Reason.DELETED,', ""),
        ("throttling is an error", "if is_throttling(error):", "if False:"),
        ("an expired token is an error", "if next_token is not None and", "if False and"),
    ),
    *mutations_of(
        "chalicelib/scanning/scanner.py",
        "tests/scanning/test_scanner.py",
        ("unstarted images are lost", "[*self._left(), *self._failures]", "[*self._failures]"),
        ("failed images are lost", "[*self._left(), *self._failures]", "[*self._left()]"),
        (
            "what was looked up is not kept",
            "            self._last_scans.keep()",
            "            pass",
        ),
        ("failures are forgotten", "if not self._failures:", "if True:"),
        ("one stall too many", "attempts > MOST_ATTEMPTS", "attempts >= MOST_ATTEMPTS"),
        ("attempts are not counted", "self._job.attempts + 1", "1"),
        ("stalled jobs come again at once", "RETRY_DELAY_SECONDS if attempts", "0 if attempts"),
    ),
    *mutations_of(
        "chalicelib/scanning/scanner.py",
        "tests/scanning/test_planner.py",
        (
            "jobs start before their time",
            "(wait := job.not_before - int(time.time())) > 0",
            "False",
        ),
    ),
    *mutations_of(
        "chalicelib/scanning/scanner.py",
        "tests/scanning/test_isolation.py",
        (
            "what failed comes again with all else",
            "_parts(replace(self._job, attempts=0), list(self._failures))",
            "[self._job]",
        ),
        (
            "what fails alone is sent for ever",
            "if set(self._job.image_digests) == set(self._failures):",
            "if False:",
        ),
    ),
    *mutations_of(
        "chalicelib/scanning/starts.py",
        "tests/scanning/test_scanner.py",
        ("a start is not noted", "self._last_scans.started(digest)", "pass"),
        ("fresh images of a late job are started", "elif decision.due:", "elif True:"),
        ("what is refused is tried each time", "self._refused.waiting.append(digest)", "pass"),
        ("what is forbidden is tried for each image", "if is_refusal(error):", "if False:"),
        ("an image is left out", "self._look_ups.waiting.append(digest)", "pass"),
    ),
    *mutations_of(
        "chalicelib/scanning/starts.py",
        "tests/scanning/test_planner.py",
        ("the pace is not kept", "Pace(services.settings.scanner_pace)", "Pace()"),
        ("the daily limit is no reason to wait", "refused is Reason.DAILY_LIMIT", "False"),
    ),
    *mutations_of(
        "chalicelib/scanning/starts.py",
        "tests/scanning/test_isolation.py",
        ("what may pass is not tried again", "may_pass(error) and", "False and"),
    ),
    *mutations_of(
        "chalicelib/scanning/pool.py",
        "tests/scanning/test_pool.py",
        ("a throttled image is lost", "lane.waiting.appendleft(entry)", "pass"),
        ("calls go on after the deadline", "self._deadline.allows(pause or 0.0)", "True"),
        ("calls under way are left alone", "elif self._threads.under_way:", "elif False:"),
        ("more calls than threads", "threads.under_way >= threads.most", "False"),
    ),
    *mutations_of(
        "chalicelib/scanning/plans.py",
        "tests/scanning/test_isolation.py",
        ("what could not be read is not said", "if failures:", "if False:"),
    ),
    *mutations_of(
        "chalicelib/scanning/planner.py",
        "tests/scanning/test_isolation.py",
        ("one repository stops the plan", "except UNREAD as error:", "except KeyError as error:"),
        (
            "what could not be read is left out",
            "if not self._failures and not self._is_asked_again:",
            "if True:",
        ),
        ("all are planned again", "only=tuple(part)", "only=()"),
    ),
    *mutations_of(
        "chalicelib/scanning/reviews.py",
        "tests/scanning/test_reviews.py",
        ("a job's own duration is ignored", "job.duration or rules", "rules"),
        ("a tag's duration is ignored", "rules.duration or ", ""),
        ("skip tags are ignored", "if self.rules.skip:", "if False:"),
        (
            "images in use are selected like others",
            "if not (self.named or self.is_in_use(image)):",
            "if True:",
        ),
        ("what is not in use is reviewed too", "if self.in_use_only:", "if False:"),
        ("Inspector is ignored", " if self.scan_frequency else None", " if False else None"),
        ("an index in use has no children", ", *image.index_digests)", ")"),
    ),
    *mutations_of(
        "chalicelib/policy/counting.py",
        "tests/policy/test_counting.py",
        ("the finding filters are open", "filters.pass_through(open_findings)", "findings, {}"),
        ("accepted risks are filtered", "pass_through(open_findings)", "pass_through(findings)"),
    ),
    *mutations_of(
        "chalicelib/policy/selection.py",
        "tests/policy/test_selection.py",
        ("untagged images are selected", "not image.all_tags:", "False:"),
        ("an index's tags are not its children's", "not image.all_tags", "not image.tags"),
        ("the newest are counted before the rest", "if refusals[image.digest] is None", ""),
        ("the oldest are taken", "reverse=True", "reverse=False"),
        (
            "images without tags are tagged",
            "for image in images if image.tags",
            "for image in images",
        ),
        ("what is archived is newest", "unscannable(image) in", "not unscannable(image) in"),
        ("an index stands for nothing", "{None, Reason.MANIFEST_LIST}", "{None}"),
    ),
    *mutations_of(
        "chalicelib/policy/budget.py",
        "tests/policy/test_budget.py",
        ("no tier matters", "(tier << 128)", "(0 << 128)"),
        ("the age of a scan does not matter", "(scanned_at << 64)", "(0 << 64)"),
        ("every day begins at the same place", "- self._start", "- 0"),
        ("the least important are kept", "del self._entries[size:]", "del self._entries[:-size]"),
    ),
    *mutations_of(
        "chalicelib/scanning/planner.py",
        "tests/scanning/test_planner.py",
        ("all jobs start at once", "self._end += ", "self._end += 0 * "),
        ("the rest begins anew", "after=self._repositories[reviewed - 1].repository", 'after=""'),
        ("a part spends the whole budget", "self.summary.repositories // ", "1 // 1 or "),
        ("a plan never ends", "attempts > MOST_ATTEMPTS", "False"),
        ("look-ups are no progress", "reviewed or (self._look_ups", "reviewed or (0"),
        ("a source that fails is nothing", "self._unknown = listing.failures", "pass"),
        ("what was planned is planned again", "and job.repository not in without", ""),
    ),
    *mutations_of(
        "chalicelib/runtime/pace.py",
        "tests/runtime/test_pace.py",
        ("throttling changes nothing", "self.rate / 2", "self.rate"),
        ("a pace never recovers", "self.rate += self._step * seconds", "pass"),
        ("a pace never doubles", "self.rate *= 2**seconds", "pass"),
        ("each call under way halves it", "began <= self._halved_at and self._step", "False"),
        ("all jobs start at once", "* 60 // per_minute", "* 0 // per_minute"),
    ),
    *mutations_of(
        "chalicelib/scanning/sending.py",
        "tests/scanning/test_long_listings.py",
        ("what there was no time for is lost", "            self._continue()", "            pass"),
        (
            "a registry that failed is lost",
            "        self._leave_failed(continued=continued)",
            "        pass",
        ),
        ("a listing begins anew each time", "            after=after,", '            after="",'),
        (
            "later runs start at once",
            "start_of(index, per_minute) - now",
            "0 * start_of(index, per_minute) - now",
        ),
        ("a listing never ends", "attempts > MOST_ATTEMPTS", "False"),
        ("jobs are too long for a message", "for part in parts_of(job)", "for part in [job]"),
    ),
    *mutations_of(
        "chalicelib/scanning/walk.py",
        "tests/scanning/test_long_listings.py",
        ("one registry stops the others", "if len(self._addresses) == 1 and", "if True or"),
        ("the last repository comes twice", "if name > self.after", "if name >= self.after"),
        ("repositories are left out", "self.after = batch[-1]", 'self.after = "~"'),
    ),
    *mutations_of(
        "chalicelib/aws/clients.py",
        "tests/benchmarks/test_registries.py",
        (
            "each account reads all anew",
            'session._session.get_component("data_loader")',
            'assumed.get_component("data_loader")',
        ),
    ),
    *mutations_of(
        "chalicelib/scanning/sending.py",
        "tests/scanning/test_lister.py",
        ("delays that SQS refuses", "min(LONGEST_DELAY_SECONDS, start)", "start"),
        ("late jobs come all at once", "not_before=now + start", "not_before=0"),
    ),
    *mutations_of(
        "chalicelib/notifying/messages.py",
        "tests/notifying/test_messages.py",
        ("an SMS of two parts", "report, SMS_LENGTH", "report, 160"),
        (
            "a subject that SNS refuses",
            "report, SUBJECT_LENGTH",
            "report, 100",
        ),
        ("messages that SNS refuses", "> MESSAGE_BYTES and most:", "> 10**9 and most:"),
    ),
    *mutations_of(
        "chalicelib/notifying/documents.py",
        "tests/notifying/test_messages.py",
        ("findings that are not listed are not counted", "[most:]", "[most + 1 :]"),
    ),
    *mutations_of(
        "chalicelib/notifying/emails.py",
        "tests/notifying/test_messages.py",
        ("nothing says what is new", "report.is_new(finding) and", "False and"),
    ),
    *mutations_of(
        "chalicelib/policy/finding_filters.py",
        "tests/policy/test_finding_filters.py",
        ("what has no fix is weighed", "self.fixable_only and", "False and"),
        ("what has no fix is shown", "self.ignore_unfixed and", "False and"),
        (
            "what has no score is left out",
            "finding.score is not None and",
            "finding.score is None or",
        ),
        ("the minimum itself is too low", "< self.minimum_score", "<= self.minimum_score"),
        ("what is left out is shown", "(left_out[reason] if reason else shown)", "shown"),
    ),
    *mutations_of(
        "chalicelib/aws/dynamodb.py",
        "tests/aws/test_dynamodb.py",
        ("unread keys are forgotten", "if not request:", "if True:"),
        ("one page is all", 'if "LastEvaluatedKey" not in answer:', "if True:"),
        ("an item outlives its end", '["expires_at"] >= now', '["expires_at"] >= 0'),
    ),
    *mutations_of(
        "chalicelib/policy/accepted_risks.py",
        "tests/policy/test_accepted_risks.py",
        ("risks expire a day early", "self.expires < today", "self.expires <= today"),
        (
            "expired entries go on accepting",
            "if not self.entries[n].has_expired(today)",
            "if True",
        ),
        (
            "one package of several is enough",
            "frozenset.intersection(*map",
            "frozenset[int]().union(*map",
        ),
        (
            "entries hold in every repository",
            "self._covering(name, finding) & there",
            "self._covering(name, finding)",
        ),
        ("nothing says that an entry ran out", "ran_out.update(own, *related)", "pass"),
        ("part of an advisory is enough", "found and len(found) == len(firsts)", "found"),
        (
            "one CVE is accepted with another",
            "() if is_cve else finding.related",
            "finding.related",
        ),
    ),
    *mutations_of(
        "chalicelib/policy/globs.py",
        "tests/policy/test_globs.py",
        ("every pattern is tried", "pattern[: wildcard.start()]", "pattern[:0]"),
        ("names match patterns in part", "if pattern.match(name):", "if True:"),
    ),
    *mutations_of(
        "chalicelib/ecr/findings.py",
        "tests/ecr/test_findings.py",
        ("the least important first", "_RANKS[self.severity], -", "-_RANKS[self.severity], -"),
        ("low scores first", "-(self.score or 0.0)", "(self.score or 0.0)"),
        ("totals count", 'if severity != "TOTAL":', "if True:"),
        (
            "the order of packages makes another finding",
            "sorted({package.name for package in self.packages if package.name})",
            "package.name for package in self.packages if package.name",
        ),
        (
            "a package more makes another finding",
            "if best is not None and _in_common(names, best):",
            "if False:",
        ),
        (
            "versions of a package are lost",
            "setdefault(finding.packages, finding)",
            "setdefault((), finding)",
        ),
        (
            "names run into one another",
            "_SEPARATORS.sub(lambda found: quote(found[0]), name)",
            "name",
        ),
    ),
    *mutations_of(
        "chalicelib/ecr/findings_reader.py",
        "tests/ecr/test_findings_reader.py",
        ("what is suppressed is open", 'if finding.get("status", "ACTIVE") == "ACTIVE"', ""),
        ("partial fixes are none", '"PARTIAL": True', '"PARTIAL": None'),
        ("NotAvailable is a version", "if version.upper() in _NO_VERSION:", "if False:"),
        (
            "no word of a fix is no fix",
            "return False if fixes and all(fixes) else None",
            "return False",
        ),
        ("releases are left out", 'f"{version}-{release}"', "version"),
    ),
    *mutations_of(
        "chalicelib/ecr/last_scans.py",
        "tests/aws/test_ecr_findings.py",
        ("a missing page has no findings", "if kinds != {ScanKind.KNOWN} or", "if"),
        ("counted and not listed is none", "(scan.counts and not number)", "False"),
        ("counts not given are none", "None if counts is None else severity_counts(counts)", "{}"),
    ),
    *mutations_of(
        "chalicelib/fleet/formats/sarif.py",
        "tests/fleet/test_sarif.py",
        ("more results than GitHub takes", "in places[:MOST_RESULTS]", "in places"),
        ("what is accepted is open", "if risk is None or choice.everything:", "if True:"),
        ("results are at one place", "lines[name, uri] += 1", "lines[name, uri] = 1"),
        (
            "regions share alerts",
            "(*self.repository.place, self.finding",
            "(self.repository.name, self.finding",
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/formats/spreadsheet.py",
        "tests/fleet/test_formats.py -k csv",
        ("semicolons begin formulas", "(^|;)", "(^)"),
    ),
    *mutations_of(
        "chalicelib/settings/documents.py",
        "tests/settings/test_documents.py",
        (
            "aliases are unfolded",
            '("an anchor or alias", getattr(event, "anchor", None) is not None),',
            "",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/channels/chat.py",
        "tests/notifying/channels/test_chat.py",
        ("backticks end code spans", ".replace('`', chr(39))", ""),
        ("descriptions are too long", "if line and len(line) < room:", "if line:"),
        ("what does not fit is not counted", "if rest else []", "if False else []"),
        ("a thread is one image's", 'unique(f"{place}/{report.name}")', "unique(result.time)"),
    ),
    *mutations_of(
        "chalicelib/text/chat.py",
        "tests/text/test_chat.py",
        ("channels are called", '.replace("<", "&lt;")', ""),
        ("an address is cut", "< DESCRIPTION_LENGTH // 2", "< 10 * DESCRIPTION_LENGTH"),
    ),
    *mutations_of(
        "chalicelib/notifying/channels/security_hub.py",
        "tests/notifying/channels/test_security_hub.py",
        ("gone findings stay active", '"RecordState": "ARCHIVED"', '"RecordState": "ACTIVE"'),
        ("long ids are cut to the same", "hexdigest()", "hexdigest()[:0]"),
    ),
    *mutations_of(
        "chalicelib/aws/security_hub.py",
        "tests/notifying/channels/test_security_hub.py",
        ("more than a call takes", "BATCH_SIZE = 100", "BATCH_SIZE = 101"),
    ),
    *mutations_of(
        "chalicelib/scanning/offers.py",
        "tests/scanning/test_planner.py",
        ("failures come first", "return Tier.DOUBTFUL", "return Tier.IN_USE"),
        ("today's scans are free", "record.at >= begin", "False"),
    ),
    *mutations_of(
        "chalicelib/scanning/planner.py",
        "tests/scanning/test_daily_budget.py",
        ("what is reserved is cut away", "self._budget.keep if is_held else ", ""),
        (
            "what is reserved of tomorrow is sent today",
            "if on[each] == day]",
            "if on[each] >= day]",
        ),
        ("a day goes on beyond midnight", "self._end = float(day.end)", "pass"),
        ("what was started is reserved for ever", "scanned_at < self._day.start and ", ""),
        ("what begins meanwhile is taken twice", "sum(name not in its for", "sum(True for"),
    ),
    *mutations_of(
        "chalicelib/aws/scan_budgets.py",
        "tests/aws/test_scan_budgets.py",
        ("what nobody reserved is forgotten", "max(others, seen - earlier)", "seen - earlier"),
        ("what was dropped is taken twice", "seen - earlier)", "seen)"),
        ("what waits hides what nobody reserved", "seen - earlier)", "seen - _total(item))"),
    ),
    *mutations_of(
        "chalicelib/scanning/reservations.py",
        "tests/scanning/test_daily_budget.py",
        ("a choice is made once", 'return f"{name}.{number}" if number else name', "return name"),
        ("two repositories have one scan", 'return f"{repository}@{digest}"', "return digest"),
    ),
    *mutations_of(
        "chalicelib/scanning/planner.py",
        "tests/test_large_organisations.py",
        ("a deleted repository holds up the plan", "accepted_before=True", "accepted_before=False"),
    ),
    *mutations_of(
        "chalicelib/policy/builds.py",
        "tests/policy/test_builds.py",
        ("a single build's tag follows others", "or has_no_digit(tag)", "or True"),
        ("a tag that was seen to move does not", "if tag in self.moving or", "if"),
        (
            "unique tags are in no line",
            'return moving or (frozenset({""})',
            "return moving or (moving",
        ),
        (
            "who is not asked for is nobody",
            "self.holders.get(tag, UNKNOWN)",
            "self.holders.get(tag)",
        ),
        ("an older build is the newest", "whole.pushed_at > newest.pushed_at", "True"),
        (
            "a deleted build stays the newest",
            "self.wholes.get(newest.digest, newest) is None",
            "False",
        ),
    ),
    *mutations_of(
        "chalicelib/policy/lines.py",
        "tests/policy/test_lines.py",
        (
            "a platform shares another's line",
            "Line(tag, places[whole.digest]): whole",
            'Line(tag, ""): whole',
        ),
        (
            "a platform is compared with another",
            "            and state.line.platform == line.platform\n            and not",
            "            and not",
        ),
        (
            "an image changes its line for a shorter one",
            "return not is_own, not is_live,",
            "return False, not is_live,",
        ),
        (
            "a build's own past is nothing to compare with",
            "candidates[0], *own)",
            "candidates[0],)",
        ),
        ("the builds before are unknown", "and tag is not None\n", "and tag is None\n"),
        (
            "what is not looked up was deleted",
            "get(state.whole, UNKNOWN) is None",
            "get(state.whole) is None",
        ),
        ("a platform that an index lost lives on", "line.platform not in platforms)", "False)"),
        ("an unread index has no platforms", "(platforms is not None and", "(platforms is None or"),
        ("a deleted image's line goes on", "self._change(ended(state, self._mirrors))", "pass"),
        (
            "an image that loses a tag is reported nowhere",
            "self._change(promoted(state, self._mirrors))",
            "pass",
        ),
        (
            "an image does not go on in its new tag",
            "                self._go_on(state)\n            elif",
            "                pass\n            elif",
        ),
        (
            "an image is reported in the newest's line too",
            "if line.tag} or held",
            "} or held",
        ),
    ),
    *mutations_of(
        "chalicelib/policy/ledger.py",
        "tests/policy/test_ledger.py",
        ("a late scan comes last", "bisect_left(scans, at)", "len(scans)"),
        ("a reopened finding keeps its clock", "if len(self.found) == 1 else", "if True else"),
        ("what was fixed is kept for good", "(each.fixed_at or scans[-1]) > oldest", "True"),
        ("a scan is taken in twice", "scan.at in ledger.scans or (", "("),
        ("the severity is the first one", "scan.at < entry.last_seen)", "True)"),
        (
            "what is told late closes nothing",
            "span._replace(closed=at) if begins else span",
            "span",
        ),
    ),
    *mutations_of(
        "chalicelib/policy/roundups.py",
        "tests/notifying/test_roundups.py",
        ("what came first of a finding holds", "if _name(flaw) not in changed", "if True"),
        ("what a feed said is forgotten", "if flaw.known_exploited is None else", "if False else"),
        (
            "what is told again counts twice",
            "    counts -= Counter(flaw.severity for flaw in before)\n",
            "",
        ),
        ("accounts are not told apart", "if number > 1)", "if number > 9)"),
    ),
    *mutations_of(
        "chalicelib/fleet/overdue_events.py",
        "tests/fleet/test_overdue_events.py",
        ("what was overdue is so again", "if due is not None and subject not in known:", "if due:"),
        ("each version is overdue by itself", "known.add(subject)", "known"),
    ),
    *mutations_of(
        "chalicelib/fleet/digest.py",
        "tests/fleet/test_digest.py -k bus",
        (
            "a bus that refuses is well",
            "        return error\n    return None\n\n\ndef _failure_of_sending",
            "        pass\n    return None\n\n\ndef _failure_of_sending",
        ),
        (
            "what was sent has no events",
            "report = report or read_report(keys.json, bucket)",
            "pass",
        ),
    ),
    *mutations_of(
        "chalicelib/fleet/find.py",
        "tests/fleet/test_find.py",
        (
            "what is not known is false",
            "UNKNOWN if found is None else",
            '"false" if found is None else',
        ),
        ("nobody's cannot be found", "and value in _UNNAMED.values()", "and False"),
    ),
    *mutations_of(
        "chalicelib/fleet/finding_lines.py",
        "tests/fleet/test_find.py tests/fleet/test_find_findings.py",
        (
            "packages are cut",
            "_different(package.name for package in finding.packages)",
            "_different(package.name for package in finding.packages[:20])",
        ),
        (
            "missing findings are none",
            "if not (body := bucket.read(key)):",
            "if not (body := bucket.read(key) or gzip.compress(b'')):",
        ),
    ),
    *mutations_of(
        "chalicelib/policy/finding_events.py",
        "tests/policy/test_finding_events.py",
        ("better is worse", "(self.severity) < SEVERITIES", "(self.severity) != SEVERITIES"),
        ("kinds of events share an id", "(place, self.kind, self.key,", "(place, self.key,"),
        (
            "what is accepted in one line is in all",
            "(IS_OPEN, IS_ACCEPTED,",
            "(IS_ACCEPTED, IS_OPEN,",
        ),
        ("what is fixed in one line is in all", "IS_LEFT_OUT, IS_FIXED)", "IS_FIXED, IS_LEFT_OUT)"),
        ("what was deleted is forgotten", "items() if key in remembered", "items() if False"),
        (
            "what was never opened is fixed",
            "if was is not None and status == IS_FIXED",
            "if status == IS_FIXED",
        ),
        ("events that wait are lost", "(*known.outbox, *happened)", "(*happened,)"),
        ("all of it is inventory", "before is None or finding.is_of_first_scans", "True"),
        (
            "none of it is inventory",
            "before is None or finding.is_of_first_scans",
            "before is None",
        ),
        ("each version is fixed by itself", "found[without_occurrence(key)]", "found[key]"),
    ),
    *mutations_of(
        "chalicelib/policy/transitions.py",
        "tests/policy/test_transitions.py",
        ("what is back is old", "if key not in findings}", "}"),
        ("what is accepted is fixed", "key not in apart", "True"),
        ("a late scan sets the time back", "before.time if is_late else scan.time", "scan.time"),
        ("worse is no news", "is_worse(found.severity, known.severity)", "False"),
        ("better is news", "SEVERITIES.index(severity) < ", "SEVERITIES.index(severity) != "),
        ("a fix is no news", "or (found.fixable and not known.fixable)", ""),
        ("an exploit is no news", "or (found.exploitable and not known.exploitable)", ""),
        ("the last state known wins", "for base in reversed(bases)", "for base in bases"),
        ("a second try is compared with the first", "before.event == scan.event", "False"),
        (
            "what an ended line had stays open",
            "return replace(state, has_ended=True, closed=_closed(state, None, mirrors))",
            "return replace(state, has_ended=True)",
        ),
        (
            "what a shadow had stays open",
            "return replace(state, is_shadow=True, closed=_closed(state, None, mirrors))",
            "return replace(state, is_shadow=True)",
        ),
        (
            "what was deleted was fixed",
            "has_ended=True, closed=_closed(state, None, mirrors)",
            "has_ended=True, closed=_closed(state, state, mirrors)",
        ),
        ("a shadow closes it twice", "and before.is_mirrored_as_open:", ":"),
        (
            "a failure that goes on is new each time",
            "before.failure_reported_by if before.status == FAILED else NO_CHANNELS",
            "NO_CHANNELS",
        ),
        (
            "a failed scan fixed it all",
            "return replace(before, status=FAILED,",
            "return replace(before, status=FAILED, findings={},",
        ),
    ),
    *mutations_of(
        "chalicelib/policy/acknowledgements.py",
        "tests/policy/test_acknowledgements.py",
        (
            "one channel speaks for all",
            "each.reported_by | {channel})\n        for key, each in state.open",
            "each.reported_by | {'chat', 'topic'})\n        for key, each in state.open",
        ),
        (
            "a failure is a report of the findings",
            "if state.status == FAILED:\n        return",
            "if False:\n        return",
        ),
        (
            "what changed meanwhile was reported",
            "if key in known and known[key] == replace(each, reported_by=known[key].reported_by)",
            "if key in known",
        ),
        (
            "what was closed meanwhile was heard of",
            "waiting=each.waiting - _done(key, before, after))",
            "waiting=NO_CHANNELS)",
        ),
        (
            "a mirror that failed follows",
            "return bool(mirrors) and (not state.mirrored or waits)",
            "return waits",
        ),
    ),
    *mutations_of(
        "chalicelib/policy/changes.py",
        "tests/policy/test_changes.py",
        ("a new finding of any severity is news", ".severity in crossed for", " for"),
        ("what is accepted is said to be fixed", "if each.fixed and channel", "if channel"),
        ("what was fixed is new", "return mode == CHANGES and", "return"),
        (
            "an old finding is news",
            "any(key in exploited or state.open_findings[key].severity in crossed"
            " for key in changes.new)",
            "bool(crossed)",
        ),
        ("a rescan is a scan", "mode == EVERY_SCAN and not is_rescan", "mode == EVERY_SCAN"),
        ("what is fixed looks like what is new", '"", *sorted(self.fixed)', "*sorted(self.fixed)"),
    ),
    *mutations_of(
        "chalicelib/policy/known_images.py",
        "tests/policy/test_known_images.py",
        (
            "a deleted index has images",
            "if (image := self.images.get(index)) is not None",
            "if (image := self.images.get(index) or Image(index))",
        ),
        (
            "one attestation makes no image",
            "all(entry.attestation for entry in own)",
            "any(entry.attestation for entry in own)",
        ),
        (
            "an unread index has no platforms",
            "frozenset(platforms) or None",
            "frozenset(platforms)",
        ),
        ("an index's image has no tags of its own", "if image.tags or not places", "if not places"),
    ),
    *mutations_of(
        "chalicelib/aws/leases.py",
        "tests/aws/test_deliveries.py",
        ("a lease shorter than the time-out", "LEASE_SECONDS = 90", "LEASE_SECONDS = 30"),
        ("a lease of ever", "OR #lease < :now OR", "OR"),
        ("a lost answer takes the image away", " OR #holder = :holder)", ")"),
    ),
    *mutations_of(
        "chalicelib/aws/leases.py",
        "tests/aws/test_line_states.py",
        ("a reading cut short is never done again", "OR #lease < :now OR", "OR"),
    ),
    *mutations_of(
        "chalicelib/aws/deliveries.py",
        "tests/aws/test_deliveries.py",
        (
            "the lease is the event's",
            '(f"image#{place}", digest)',
            '(f"image#{place}", f"{digest}{event}")',
        ),
        (
            "a repeated event is dealt with again",
            "NOT contains(#handled, :event)",
            "NOT contains(#handled, :holder)",
        ),
        ("a failed try keeps the image", "self._update(leases.RELEASE, {})", "pass"),
        ("events are known for good", "[-MOST_EVENTS:]", ""),
        ("what was noted stays", 'expression += " DELETE #delivered :noted"', "pass"),
        ("channels have the next event", 'if text.startswith(f"{event} ")', ""),
    ),
    *mutations_of(
        "chalicelib/aws/line_states.py",
        "tests/aws/test_line_states.py",
        ("a late scan overwrites", "OR #version = :version OR", "OR #version >= :version OR"),
        ("a later version is earlier", "max(now * 1000, state.updated_at + 1)", "now * 1000"),
        (
            "a forgotten line is never written",
            " OR #version = :version OR #expires_at < :now",
            " OR #version = :version",
        ),
        (
            "all images are read at once",
            "leases.take(self._table, (_key(place), _WALK), _SECONDS)",
            "pass",
        ),
        (
            "a failed reading was one",
            "else leases.RELEASE",
            'else f"SET #walked_at = #lease {leases.RELEASE}"',
        ),
        ("platforms share a state", 'f"{_LINE}{line.tag}#{line.platform}"', 'f"{_LINE}{line.tag}"'),
    ),
    *mutations_of(
        "chalicelib/aws/packed_states.py",
        "tests/aws/test_line_states.py -k remembered",
        ("unknown findings are none", "None if findings is None else rows", "rows"),
        (
            "the first are remembered, not the worst",
            "sorted(findings.items(), key=lambda item: SEVERITIES.index(item[1].severity))",
            "[*findings.items()]",
        ),
        ("an item that DynamoDB refuses", "MOST_BYTES = 300_000", "MOST_BYTES = 500_000"),
    ),
    *mutations_of(
        "chalicelib/aws/dynamodb.py",
        "tests/aws/test_line_states.py",
        ("a thousand tags in one call", "MOST_READ = 100", "MOST_READ = 1000"),
    ),
    *mutations_of(
        "chalicelib/aws/ecr.py",
        "tests/aws/test_ecr_images.py",
        ("one deleted image hides the others", "if found is None and len(batch) > 1:", "if False:"),
        (
            "halves are forgotten",
            "waiting += [batch[middle:], batch[:middle]]",
            "waiting += [batch[middle:]]",
        ),
        (
            "a failed call is a deletion",
            'if code_of(error) == "ImageNotFoundException":\n                return None',
            "if True:\n                return None",
        ),
        ("more names than a call takes", "MOST_MANIFESTS = 100", "MOST_MANIFESTS = 101"),
    ),
    *mutations_of(
        "chalicelib/ecr/images.py",
        "tests/notifying/test_lookups.py",
        ("all tags are followed", "[:MOST_TAGS]", ""),
    ),
    *mutations_of(
        "chalicelib/notifying/late_scans.py",
        "tests/notifying/test_ledger.py",
        (
            "of an index nothing is late",
            "scanned.found.earlier_tags.union(event.image_tags)",
            "frozenset(event.image_tags)",
        ),
        ("every scan of an old build counts", "        and happened_at <", "        and 0 <"),
        (
            "a lost tag keeps a scan out",
            "replace(scanned.image, tags=",
            "replace(scanned.image, platform=",
        ),
        ("a scan since the push counts", "ended_at >= _taken_at", "ended_at < 0 * _taken_at"),
        ("a clean scan does not count", "ended_at is not None and", "ended_at is None or"),
    ),
    *mutations_of(
        "chalicelib/notifying/lookups.py",
        "tests/notifying",
        (
            "the tags of a read index are forgotten",
            "for tag in self._known.tags_read.get(index, ())",
            "for tag in ()",
        ),
        ("a tag that moved is forgotten", " if before in indexes", " if not before"),
    ),
    *mutations_of(
        "chalicelib/notifying/lookups.py",
        "tests/notifying/test_lookups.py",
        ("all images are read each time", "if self._must_walk(digest):", "if True:"),
        (
            "the index of an image is not looked for",
            "return pushed_at + _SETTLING_SECONDS > self.recalled.walked_at",
            "return False",
        ),
        ("an index pushed late is never found", "pushed_at + _SETTLING_SECONDS >", "pushed_at >"),
        (
            "what is archived is current",
            "for image in found if not image.archived",
            "for image in found",
        ),
        ("a deleted index is kept", "self._contents.forget(self._name, digest)", "pass"),
        (
            "the lines scanned last are looked at",
            "key=lambda state: state.time)[:MOST_LINES]",
            "key=lambda state: state.time)[-MOST_LINES:]",
        ),
        ("lost tags are held by nobody", "if not lost:", "if True:"),
        (
            "no tag moves",
            "frozenset(tag for tag, each in tagged.items() if each.before)",
            "frozenset()",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/scope.py",
        "tests/notifying/test_scope.py",
        (
            "repositories outside the filter are reported",
            "return bool(names_matching(settings.repositories_filter, [repository]))",
            "return True",
        ),
        (
            "what is in use is refused",
            "if any(digest in uses for digest in (image.digest, *image.index_digests)):",
            "if False:",
        ),
        ("attestations are reported", "if reason := unscannable(image):", "if reason := None:"),
    ),
    *mutations_of(
        "chalicelib/notifying/comparison.py",
        "tests/notifying/test_scope.py",
        ("what is skipped is reported", "    if rules.skip:\n", "    if False:\n"),
        (
            "what is skipped stays open",
            "others = all_ended(result.place, states, mirrors) if states is not None else ()",
            "others = ()",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/scans.py",
        "tests/notifying/test_scope.py",
        (
            "what is filtered out stays open",
            "        close_repository(result, services, backoff)\n",
            "",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/looked_up.py",
        "tests/notifying/test_scope.py",
        ("a missing permission fails every event", "if not is_refusal(error):", "if True:"),
        (
            "tags that were not read say nothing",
            "if not is_refusal(error):\n            raise",
            "if False:\n            raise",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/scans.py",
        "tests/notifying/test_failures.py",
        (
            "a lost table silences every scan",
            "if services.settings.notify_mode != EVERY_SCAN or not is_unusable(error):",
            "if True:",
        ),
        (
            "a table that throttles silences every scan",
            "_MOST_THROTTLED = 3",
            "_MOST_THROTTLED = 10**9",
        ),
        (
            "events are lost with the table",
            "if services.settings.notify_mode != EVERY_SCAN or not is_unusable(error):",
            "if not is_unusable(error):",
        ),
        (
            "what failed is done",
            "    if reporting.failures:\n        raise NotDelivered(reporting.failures)\n",
            "",
        ),
        ("a failed event holds its image up", "        delivery.release()\n", ""),
    ),
    *mutations_of(
        "chalicelib/notifying/scans.py",
        "tests/notifying/test_bursts.py",
        ("an event that waited counts as a look", "has_looked=False", "has_looked=True"),
    ),
    *mutations_of(
        "chalicelib/notifying/delivery.py",
        "tests/notifying/test_failures.py",
        (
            "a channel that is down makes others repeat",
            "if self._delivery is not None and self._delivery.has(sender.name, news):",
            "if False:",
        ),
        (
            "all of a scan is told again as news",
            "return EVERYTHING if report.findings is not None",
            "return EVERYTHING if report.findings is None",
        ),
        (
            "what was delivered is not noted",
            "            self._delivery.delivered(sender.name, news)\n",
            "            pass\n",
        ),
        (
            "a channel that failed has it",
            "            self.failures[channel] = str(error)\n            return False",
            "            self.failures[channel] = str(error)\n            return True",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/mirroring.py",
        "tests/notifying/test_failures.py",
        (
            "what was reported is forgotten where it changed",
            "new := merged(state, before, after)",
            "new := state",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/deletions.py",
        "tests/notifying/test_lines.py",
        ("any deletion is looked up", "if digest not in known:", "if False:"),
        (
            "a deleted index is not known",
            "for name in (state.digest, state.whole)",
            "for name in (state.digest,)",
        ),
        (
            "a deletion closes nothing",
            "reporting.mirror([MirroredLine(*place, state) for state in changed])",
            "reporting.mirror([])",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/repeats.py",
        "tests/notifying/test_bursts.py",
        (
            "each finding's event is a scan",
            "    if result.finding_severity is not None:\n        return True\n",
            "",
        ),
        ("a scan after a burst is one more", "(earlier) <= BURST", "(earlier) < timedelta()"),
        (
            "each event of a burst is read",
            "return any(",
            "return False and any(",
        ),
        (
            "a known finding is never read again",
            "        and _is_of_a_burst(result, state.time)\n",
            "",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/comparison.py",
        "tests/notifying/test_lines.py",
        (
            "what is out of reach is kept",
            "if scanned.placement.line or scanned.where or settings.notify_mode == EVERY_SCAN:",
            "if True:",
        ),
        (
            "a lost deletion is never noticed",
            "kept = [states.keep(place, each) for each in settled.values()]",
            "kept = []",
        ),
        ("tags are not remembered", "    states.keep_tagged(place, found.tagged)\n", ""),
        (
            "an image's other lines know nothing",
            "for line in placement.shadows\n",
            "for line in ()\n",
        ),
    ),
    *mutations_of(
        "chalicelib/notifying/repeats.py",
        "tests/notifying/test_notify.py -k order",
        ("a late scan is reported", "before.time > result.time)", "False)"),
    ),
    *mutations_of(
        "chalicelib/notifying/channels/security_hub.py",
        "tests/notifying/channels/test_security_hub.py",
        (
            "an ended line's findings stay ACTIVE",
            "if not line.state.is_mirrored_as_open:",
            "if False:",
        ),
        ("what was never imported is archived", "if NAME not in closed.waiting:", "if False:"),
        ("lines share their ids", ":{tag}/{platform}/{key}", ":{tag}/{key}"),
        ("updates come in the order of scans", "state.updated_at / 1000, UTC", "0, UTC"),
    ),
    *mutations_of(
        "chalicelib/aws/security_hub.py",
        "tests/notifying/channels/test_security_hub.py",
        ("Security Hub is not paced", "self._sleep(self._pace.wait())", "self._pace.wait()"),
        (
            "one batch that fails ends it",
            "failures += [f\"{each['Id']}: {error!r}\" for each in batch]",
            "raise",
        ),
    ),
]


def copy_project(to: Path) -> None:
    """Copy what the tests need."""
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, to / name)


def run_tests(directory: Path, tests: str) -> int:
    """The exit status of pytest, which stops at the first failure.

    Tests that wait for what never comes have failed too.
    """
    options = ["-x", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    command = [sys.executable, "-B", "-m", "pytest", *options, *tests.split()]
    # No test needs a plugin, and loading them takes longer than most of the tests.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    try:
        return subprocess.run(
            command,
            cwd=directory,
            env=environment,
            capture_output=True,
            check=False,
            timeout=LONGEST_SECONDS,
        ).returncode
    except subprocess.TimeoutExpired:
        return FAILED


def outcome(mutation: Mutation | None, tests: str) -> str:
    """What became of a mutation, or of the source as it is."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        copy_project(directory)
        if mutation is not None:
            path = directory / mutation.module
            try:
                path.write_text(mutation.apply(path.read_text()))
            except ValueError as error:
                return f"does not fit: {error}"
        status = run_tests(directory, tests)
    if mutation is None:
        return "pass" if status == PASSED else f"do not pass (status {status})"
    return {FAILED: "caught", PASSED: "SURVIVED"}.get(status, f"pytest ended with {status}")


def chosen(parts: int) -> list[Mutation]:
    """One of so many parts of the mutations, which part the sources decide.

    Another change tries other mutations, and the same one always the same.
    """
    sources = sorted((ROOT / "chalicelib").rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).digest()
    return MUTATIONS[digest[0] % parts :: parts]


def main() -> int:
    """Try the tests without a mutation, then with each; 0 when all were caught and all fit."""
    parser = argparse.ArgumentParser(prog="make mutations", description=__doc__)
    parser.add_argument("--parts", type=int, default=1, help="try one of so many parts")
    mutations = chosen(parser.parse_args().parts)
    for mutation in MUTATIONS:
        mutation.apply((ROOT / mutation.module).read_text())
    suites = sorted({mutation.tests for mutation in mutations})
    with ThreadPoolExecutor(2) as pool:
        unbroken = dict(
            zip(suites, pool.map(lambda tests: outcome(None, tests), suites), strict=True)
        )
        for tests, result in unbroken.items():
            print(f"{tests}: {result}")
        if set(unbroken.values()) != {"pass"}:
            return 1
        results = list(pool.map(lambda mutation: outcome(mutation, mutation.tests), mutations))
    for mutation, result in zip(mutations, results, strict=True):
        print(f"{mutation.module:<26} {mutation.name:<44} {result}")
    caught = results.count("caught")
    print(f"{caught} of {len(results)} mutations caught, of {len(MUTATIONS)} in all")
    return 0 if caught == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
