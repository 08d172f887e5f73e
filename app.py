"""The application: what starts each function, and which module does its work."""

import os
from collections.abc import Callable
from typing import Any

from chalice.app import BadRequestError, Chalice, IAMAuthorizer, Response, SQSEvent

from chalicelib.notifying.events import event_pattern
from chalicelib.runtime import logs
from chalicelib.runtime.deadline import TimeLeft
from chalicelib.runtime.events import AnyEvent, accept_any_event, request_body
from chalicelib.runtime.pace import SCANNERS_AT_ONCE
from chalicelib.scanning.jobs import parse_job
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from chalicelib.work import answer_request, carry_out, summarize_fleet, tell_of_scan

settings = Settings.from_environment(os.environ)
services = Services(settings)
services.check_shipped_lists()
logs.configure(settings.log_level)

app = Chalice(app_name="ecr-scan-reporter", configure_logs=False)


@app.middleware("all")
def log_request_id(event: Any, next_handler: Callable[[Any], Any]) -> Any:
    """Every log line names the request that it belongs to."""
    logs.of_request(getattr(event, "lambda_context", None) or event.context)
    return next_handler(event)


@accept_any_event
@app.schedule(settings.scan_rate, description="Lists the repositories whose images to review")
def list_repositories(event: AnyEvent) -> dict[str, Any]:
    """The scheduled lister; a direct invocation may carry the same overrides as the schedule."""
    return answer_request(ListingRequest.from_event(event.to_dict()), services)


@app.on_sqs_message(
    queue=settings.jobs_queue_name, batch_size=1, maximum_concurrency=SCANNERS_AT_ONCE
)
def scan_images(event: SQSEvent) -> None:
    """The scanner: one repository a message, or the plan of one registry."""
    for record in event:
        carry_out(parse_job(record.body), services, TimeLeft.of(event.context))


@accept_any_event
@app.on_cw_event(event_pattern(settings))
def notify(event: AnyEvent) -> None:
    """The notifier: one finished scan, or one finding of Amazon Inspector, an event."""
    tell_of_scan(event.to_dict(), services, TimeLeft.of(event.context))


@accept_any_event
@app.schedule(settings.digest_rate, description="Sends a digest of the open findings")
def report_fleet(event: AnyEvent) -> None:
    """The digest: a report of all repositories at a scheduled time."""
    summarize_fleet(event.to_dict(), services, TimeLeft.of(event.context))


@app.route("/scans", methods=["POST"], authorizer=IAMAuthorizer())
def start_scans() -> Response:
    """The lister on demand; the body may carry overrides."""
    try:
        answer = answer_request(ListingRequest.from_body(request_body(app)), services)
    except RequestError as error:
        raise BadRequestError(str(error)) from error
    return Response(answer, status_code=202)
