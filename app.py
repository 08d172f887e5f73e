"""The application: what starts each function, and which flow does its work."""

import os
from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, IAMAuthorizer, Response, SQSEvent

if "AWS_CHALICE_CLI_MODE" in os.environ and os.path.isdir("deployment"):
    # Chalice's command line, typed in the project itself; nothing that ships has this module.
    from deployment.chalice_commands import complete

    complete()

from chalicelib.runtime import logs
from chalicelib.runtime.deadline import Deadline
from chalicelib.runtime.events import AnyEvent, accept_any_event
from chalicelib.runtime.pace import SCANNERS_AT_ONCE
from chalicelib.settings.event_pattern import event_pattern
from chalicelib.starting import start

services = start(os.environ)
settings = services.settings

app = Chalice(app_name="ecr-scan-reporter", configure_logs=False)


@app.middleware("all")
def begin(event: Any, next_handler: Callable[[Any], Any]) -> Any:
    """Log lines name their request; the settings are as the configuration file has them now."""
    context = getattr(event, "lambda_context", None) or event.context
    logs.of_request(context)
    services.read_context(context)
    services.read_configuration()
    return next_handler(event)


@accept_any_event
@app.schedule(settings.scan_rate, description="Lists the repositories whose images to review")
def list_repositories(event: AnyEvent) -> dict[str, Any]:
    """The scheduled lister; a direct invocation may carry the same overrides as the schedule."""
    from chalicelib.scanning import list_repositories as flow

    return flow.list_repositories(event.to_dict(), services, Deadline.of(event.context))


@app.on_sqs_message(
    queue=settings.jobs_queue_name, batch_size=1, maximum_concurrency=SCANNERS_AT_ONCE
)
def scan_images(event: SQSEvent) -> None:
    """The scanner: one repository a message, or the plan of one registry."""
    from chalicelib.scanning import scan_images as flow

    for record in event:
        flow.scan_images(record.body, services, Deadline.of(event.context))


@accept_any_event
@app.on_cw_event(event_pattern(settings))
def notify(event: AnyEvent) -> None:
    """The notifier: one finished scan, or one finding of Amazon Inspector, an event."""
    from chalicelib.notifying import notify as flow

    flow.notify(event.to_dict(), services, Deadline.of(event.context))


@accept_any_event
@app.schedule("rate(1 minute)", description="Sends the news that was collected")
def send_reports(_: AnyEvent) -> None:
    """What the notifier has collected, in one message for each channel."""
    from chalicelib.notifying import send_reports as flow

    flow.send_reports(services)


@accept_any_event
@app.schedule(settings.digest_rate, description="Sends a digest of the open findings")
def report_fleet(event: AnyEvent) -> None:
    """The digest: a report of all repositories at a scheduled time."""
    from chalicelib.fleet import report_fleet as flow

    flow.report_fleet(event.to_dict(), services, Deadline.of(event.context))


@accept_any_event
@app.schedule("rate(1 day)", description="Fetches what is known to be exploited")
def refresh_feeds(_: AnyEvent) -> None:
    """The feeds: CISA's KEV catalogue and FIRST's EPSS scores, once a day."""
    from chalicelib.fleet import refresh_feeds as flow

    flow.refresh_feeds(services)


@app.route("/scans", methods=["POST"], authorizer=IAMAuthorizer())
def start_scans() -> Response:
    """The lister on demand; the body may carry overrides."""
    from chalicelib.scanning import start_scans as flow

    return Response(*flow.start_scans(app.current_request, services))


@app.route("/scans/{listing}", methods=["GET"], authorizer=IAMAuthorizer())
def show_listing(listing: str) -> Response:
    """What became of a listing on demand."""
    from chalicelib.scanning import start_scans as flow

    return Response(*flow.show_listing(listing, services))


@app.route("/findings", methods=["GET"], authorizer=IAMAuthorizer())
def find_findings() -> Response:
    """Which repositories have a vulnerability or a package, by the last kept state."""
    from chalicelib.fleet import find_findings as flow

    request = app.current_request
    body, status = flow.find_findings(request.query_params if request else None, services)
    return Response(body, status_code=status)
