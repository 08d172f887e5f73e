"""``make bench-cold-start``: what a function loads when it starts, and in its first run.

The application is packaged as for a deployment and started from that zip file, with nothing else
at hand than what Lambda's runtime brings: the standard library and boto3. The first runs are real
ones, against moto and the local ECR over HTTP.
"""

from __future__ import annotations

import argparse
import compileall
import json
import logging
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws
from moto.server import ThreadedMotoServer
from rich.console import Console
from rich.table import Table

from deployment.packages import package
from local.ecr import local_ecr
from local.history import create_history_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RUNTIME = ("boto3", "botocore", "jmespath", "s3transfer", "urllib3")
"""What Lambda's Python runtime brings beside the standard library, as far as it is used."""

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
REPOSITORY = "shop/api"
STARTS = 5

_FIRST_RUN = """
import gc, json, sys
from types import SimpleNamespace
function, event = sys.argv[1], json.loads(sys.argv[2])
used = set()
CO_OPTIMIZED = 1  # Which functions are, and the bodies of modules and classes are not.
def note(frame, what, _):
    if what == "call" and frame.f_code.co_flags & CO_OPTIMIZED:
        used.add(frame.f_globals.get("__name__"))
sys.setprofile(note)
import app
started = set(sys.modules)
context = SimpleNamespace(
    aws_request_id="1",
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:" + function,
    get_remaining_time_in_millis=lambda: 60_000,
)
by_http = function in ("start_scans", "show_listing", "find_findings")
answer = (app.app if by_http else getattr(app, function))(event, context)
sys.setprofile(None)
assert not by_http or answer["statusCode"] in (200, 202, 404), answer
clients = []
if "botocore.client" in sys.modules:
    client = sys.modules["botocore.client"].BaseClient
    clients = [one for one in gc.get_objects() if isinstance(one, client)]
print(json.dumps({
    "modules": len(sys.modules),
    "loaded": sorted(set(sys.modules) - started),
    "unused": sorted(set(sys.modules) - used),
    "services": sorted({one.meta.service_model.service_name for one in clients}),
}))
"""


@dataclass(frozen=True)
class Start:
    """What importing ``app`` loads, and the microseconds that this and the slowest imports take.

    Those of the processor are told too, which other work on the machine lengthens less.
    """

    modules: list[str]
    processor_microseconds: int
    microseconds: int
    slowest: list[tuple[str, int]]

    @property
    def own(self) -> list[str]:
        """The application's modules."""
        return own_modules(self.modules)


@dataclass(frozen=True)
class FirstRun:
    """What a function's first run loads beyond that, and the services it makes clients of.

    ``unused`` are all modules of which no function was called until the run's end.
    """

    function: str
    modules: int
    loaded: list[str]
    unused: list[str]
    services: list[str]

    @property
    def own(self) -> list[str]:
        """The application's modules."""
        return own_modules(self.loaded)


@dataclass(frozen=True)
class Shipped:
    """The zip file, what is in it, and the runtime beside it."""

    zip_file: Path
    code: Path
    runtime: Path

    @property
    def size(self) -> int:
        """The bytes of the zip file."""
        return self.zip_file.stat().st_size

    def start(self) -> Start:
        """Import ``app`` with nothing at hand but what ships; the time is the least of several."""
        reports = [
            _parsed(self.python(["-X", "importtime", "-c", "import app"], {}).stderr)
            for _ in range(STARTS)
        ]
        times = min(reports, key=lambda report: report["app"])
        script = "import time; began = time.process_time_ns(); import app; "
        script += "print((time.process_time_ns() - began) // 1000)"
        processor = min(int(self.python(["-c", script], {}).stdout) for _ in range(STARTS))
        modules = self.modules()
        slowest = sorted(modules, key=lambda name: -times.get(name, 0))[:12]
        return Start(modules, processor, times["app"], [(name, times[name]) for name in slowest])

    def modules(self) -> list[str]:
        """What importing ``app`` loads."""
        script = "import sys; before = set(sys.modules); import app; import json; "
        script += "print(json.dumps(sorted(set(sys.modules) - before)))"
        modules: list[str] = json.loads(self.python(["-c", script], {}).stdout)
        return modules

    def first_run(self, function: str, event: Any, environment: Mapping[str, str]) -> FirstRun:
        """Start a function and hand it its first event."""
        command = ["-c", _FIRST_RUN, function, json.dumps(event)]
        done = self.python(command, {**environment, "PYTHONPATH": str(self.runtime)})
        return FirstRun(function, **json.loads(done.stdout.splitlines()[-1]))

    def python(
        self, arguments: list[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run Python where ``app`` is, without this project's virtual environment."""
        return subprocess.run(  # noqa: S603
            [sys.executable, "-S", *arguments],
            cwd=self.code,
            env={**ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            check=True,
        )


def compiled(made: Shipped, directory: Path) -> Shipped:
    """The same with compiled files, as if the running Python were the function's.

    They are not compared with their sources when they are loaded (PEP 552, unchecked).
    """
    shutil.copytree(made.code, directory / "code")
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(directory / "code", ddir="", quiet=1, invalidation_mode=mode)
    archive = shutil.make_archive(str(directory / "deployment"), "zip", directory / "code")
    return Shipped(Path(archive), directory / "code", made.runtime)


def own_modules(names: list[str]) -> list[str]:
    """Those of ``chalicelib``, without that prefix."""
    return [name.removeprefix("chalicelib.") for name in names if name.startswith("chalicelib.")]


def shipped(directory: Path) -> Shipped:
    """Package the application into a directory, with the runtime's own packages beside it."""
    package("dev", directory / "package")
    made = Shipped(
        directory / "package" / "deployment.zip", directory / "code", directory / "runtime"
    )
    with zipfile.ZipFile(made.zip_file) as archive:
        archive.extractall(made.code)
    made.runtime.mkdir()
    for name in RUNTIME:
        found = find_spec(name)
        assert found is not None  # noqa: S101
        assert found.origin is not None  # noqa: S101
        (made.runtime / name).symlink_to(Path(found.origin).parent)
    return made


@contextmanager
def first_events() -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """A small AWS over HTTP; gives each function's first event, and the environment for it."""
    # Else each request is written to standard error.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with mock_aws(), local_ecr() as registry:
        # The scanner starts a scan which must have ended when the notifier looks.
        registry.scan_duration = timedelta()
        registry.add_image(
            REPOSITORY,
            tags=("1.0",),
            scanned_at=datetime.now(UTC) - timedelta(days=30),
            findings={"CRITICAL": 1},
        )
        # One whose scan the others do not begin again.
        scanned = registry.add_image(
            REPOSITORY, tags=("2.0",), scanned_at=datetime.now(UTC), findings={"CRITICAL": 1}
        )
        server = ThreadedMotoServer(port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            address = f"http://{host}:{port}"
            session = boto3.Session("none", "none", region_name=ENVIRONMENT["AWS_DEFAULT_REGION"])
            sqs = session.client("sqs", endpoint_url=address)
            sns = session.client("sns", endpoint_url=address)
            session.client("s3", endpoint_url=address).create_bucket(
                Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
            )
            queue_url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
            topic_arn = sns.create_topic(Name="reports")["TopicArn"]
            environment = {
                "AWS_ENDPOINT_URL": address,
                "IMAGES_SCAN_JOBS_QUEUE_URL": queue_url,
                "ECR_SNS_REPORT_TOPIC_ARN": topic_arn,
                "HISTORY_TABLE_NAME": create_history_table(session, address),
                "REPORT_BUCKET_NAME": "reports",
            }
            yield _events(scanned.digest), environment
        finally:
            server.stop()


def first_runs(made: Shipped) -> list[FirstRun]:
    """The first run of each function."""
    with first_events() as (events, environment):
        return [made.first_run(name, event, environment) for name, event in events.items()]


def _events(digest: str) -> dict[str, Any]:
    scan = {
        "version": "0",
        "detail-type": "ECR Image Scan",
        "source": "aws.ecr",
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": "eu-west-1",
        "resources": [f"arn:aws:ecr:eu-west-1:123456789012:repository/{REPOSITORY}"],
        "detail": {
            "scan-status": "COMPLETE",
            "repository-name": REPOSITORY,
            "finding-severity-counts": {"CRITICAL": 1},
            "image-digest": digest,
            "image-tags": ["2.0"],
        },
    }
    message = {"body": json.dumps({"repository": REPOSITORY}), "receiptHandle": "1"}
    request = {
        "requestContext": {"httpMethod": "POST", "resourcePath": "/scans"},
        "headers": {"content-type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": {},
        "body": "{}",
        "isBase64Encoded": False,
    }
    return {
        "list_repositories": {"detail": {}, "detail-type": "Scheduled Event"},
        "scan_images": {"Records": [message]},
        "notify": scan,
        "send_reports": {"time": "2026-01-01T00:00:00Z", "detail-type": "Scheduled Event"},
        "report_fleet": {"time": "2026-01-01T00:00:00Z", "detail-type": "Scheduled Event"},
        "refresh_feeds": {"detail-type": "Scheduled Event"},
        "start_scans": request,
        "show_listing": {
            **request,
            "requestContext": {"httpMethod": "GET", "resourcePath": "/scans/{listing}"},
            "pathParameters": {"listing": "0123456789abcdef"},
        },
        "find_findings": {
            **request,
            "requestContext": {"httpMethod": "GET", "resourcePath": "/findings"},
            "multiValueQueryStringParameters": {"package": ["openssl"]},
        },
    }


def _parsed(report: str) -> dict[str, int]:
    """The cumulative microseconds of each import. Source: ``python -X importtime``."""
    lines = re.findall(r"^import time:\s+\d+ \|\s+(\d+) \|\s+(\S+)$", report, re.MULTILINE)
    return {name: int(microseconds) for microseconds, name in lines}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench-cold-start", description=__doc__)
    parser.add_argument(
        "--compiled", action="store_true", help="measure a zip file with compiled files too"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    options = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 160)
    with tempfile.TemporaryDirectory() as directory:
        made = shipped(Path(directory))
        start, runs, size = made.start(), first_runs(made), made.size
        told = [("as it ships", size, start)]
        if options.compiled:
            other = compiled(made, Path(directory) / "compiled")
            told.append(("with compiled files", other.size, other.start()))
    for how, size_then, then in told:
        console.print(
            f"{how}: zip file {size_then:,} bytes; import of app {len(then.modules)} modules, "
            f"{len(then.own)} of them the application's; {then.microseconds / 1000:,.0f} ms, of "
            f"the processor {then.processor_microseconds / 1000:,.0f} ms (least of {STARTS})"
        )
    slowest = Table("module", "ms, with what it imports", title="Slowest imports")
    for name, microseconds in start.slowest:
        slowest.add_row(name, f"{microseconds / 1000:,.1f}")
    table = Table(
        *("function", "modules", "boto3 services", "application's modules beyond app's"),
        "of all its modules, not called",
        title="After the first run",
    )
    for run in runs:
        names = (run.services, run.own, own_modules(run.unused))
        table.add_row(run.function, str(run.modules), *map(", ".join, names))
    console.print(slowest, table, sep="\n")
    if options.json:
        found = {"zip_bytes": size, "start": asdict(start), "runs": [asdict(run) for run in runs]}
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
