"""The HTTP door: what is asked for twice is started once, and it says what became of it."""

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.listings import LEASE_SECONDS
from chalicelib.ecr.uses import ImageUse
from chalicelib.runtime.backoff import Throttled
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.scanning.start_scans import OWN_KEY_SECONDS, SAME_REQUEST_SECONDS, _key_of
from local.ecr import EcrError, LocalRegistry, local_ecr
from local.images import OCI_INDEX

JSON = {"Content-Type": "application/json"}
STALE = datetime.now(UTC) - timedelta(days=8)
REFUSED = ClientError(
    {"Error": {"Code": "AccessDeniedException", "Message": "explicit deny"}}, "DescribeRepositories"
)


class Door:
    """The application behind its HTTP door, with its queue."""

    def __init__(self, client, queue, monkeypatch):
        self._client = client
        self._queue = queue
        self._monkeypatch = monkeypatch

    def post(self, body=None, **headers):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        text = b"" if body is None else json.dumps(body).encode()
        return self._client.http.post("/scans", body=text, headers=JSON | given)

    def get(self, listing):
        return self._client.http.get(f"/scans/{listing}")

    def sent(self):
        """The repositories of the jobs that wait, which are taken off the queue."""
        return [job["repository"] for job in self._queue.receive_all() if "list" not in job]

    def work(self):
        """Carry out the jobs that wait; one that fails is not tried again."""
        for job in self._queue.receive_all():
            event = self._client.events.generate_sqs_event([json.dumps(job)])
            try:
                self._client.lambda_.invoke("scan_images", event)
            except Exception as error:
                self.failure = error

    def later(self, seconds):
        """Let so much time pass."""
        moment = time.time() + seconds
        table = self.services.table
        self._monkeypatch.setattr(table, "_clock", lambda: moment)

    @property
    def services(self):
        import app

        return app.services

    def break_registry(self, number=0):
        """Let the listing of a registry fail until it is mended."""
        import app

        registry = self.services.registry_of(app.settings.registries[number])

        def refuse(*_):
            raise REFUSED

        registry.repositories = refuse
        return registry


@pytest.fixture
def door(aws, queue, history_table, chalice_client, monkeypatch):
    def make(**variables):
        variables.setdefault("HISTORY_TABLE_NAME", history_table)
        client = chalice_client(IMAGES_SCAN_JOBS_QUEUE_URL=queue.url, **variables)
        return Door(client, queue, monkeypatch)

    aws.add_image("payments/api", tags=("1",), scanned_at=STALE)
    aws.add_image("shop/api", tags=("1",), scanned_at=STALE)
    return make


class TestTheSameRequest:
    def test_is_carried_out_once_and_answered_alike(self, door):
        door = door()
        first, *others = [door.post() for _ in range(5)]
        assert door.sent() == ["payments/api", "shop/api"]
        assert first.status_code == 202
        assert first.json_body["repeated"] is False
        for other in others:
            assert other.status_code == 202
            assert other.json_body == first.json_body | {"repeated": True}
            assert other.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers

    def test_is_known_however_it_is_spelled(self, door):
        door = door()
        door.post()
        for body in ({}, {"force": None}, {"dryRun": False}):
            assert door.post(body).json_body["repeated"] is True

    def test_is_another_one_where_it_asks_for_something_else(self, door):
        door = door()
        bodies = [None, {"force": True}, {"repositories": ["shop/api"]}, {"images": ["shop/api:1"]}]
        answers = [door.post(body).json_body for body in bodies]
        assert [answer["repeated"] for answer in answers] == [False] * 4
        assert len({answer["id"] for answer in answers}) == 4

    def test_is_a_new_one_after_some_minutes(self, door):
        door = door()
        door.post()
        door.later(SAME_REQUEST_SECONDS - 5)
        assert door.post().json_body["repeated"] is True
        door.later(SAME_REQUEST_SECONDS + 5)
        assert door.post().json_body["repeated"] is False
        assert len(door.sent()) == 4

    def test_is_carried_out_again_where_it_failed(self, door):
        door = door()
        registry = door.break_registry()
        assert door.post().status_code == 500
        del registry.repositories
        assert door.post().json_body["enqueued"] == 2

    def test_waits_while_the_first_is_being_answered(self, door):
        door = door()
        inner = []

        def meanwhile(*_):
            inner.append(door.post())
            yield from ("payments/api", "shop/api")

        door.services.registry.repositories = meanwhile
        assert door.post().status_code == 202
        [answer] = inner
        assert answer.status_code == 409
        assert answer.json_body["Code"] == "ConflictError"
        assert int(answer.headers["Retry-After"]) > 0
        assert len(door.sent()) == 2

    def test_is_free_again_once_the_one_that_had_it_was_stopped(self, door):
        door = door()

        def stopped(*_):
            raise KeyboardInterrupt  # nothing that the function could catch

        door.services.registry.repositories = stopped
        with pytest.raises(KeyboardInterrupt):
            door.post()
        del door.services.registry.repositories
        assert door.post().status_code == 409
        door.later(LEASE_SECONDS + 2)
        assert door.post().json_body["enqueued"] == 2

    def test_for_a_dry_run_is_carried_out_each_time(self, door):
        door = door()
        for _ in range(2):
            answer = door.post({"dryRun": True}).json_body
            assert "repeated" not in answer
            assert len(answer["images"]) == 2


class TestAKeyOfItsOwn:
    def test_tells_like_requests_apart(self, door):
        door = door()
        answers = [door.post(Idempotency_Key=key).json_body for key in ("a", "b", "a")]
        assert [answer["repeated"] for answer in answers] == [False, False, True]
        assert len(door.sent()) == 4

    def test_is_known_for_a_day(self, door):
        door = door()
        door.post(Idempotency_Key="a")
        door.later(OWN_KEY_SECONDS - 60)
        assert door.post(Idempotency_Key="a").json_body["repeated"] is True

    def test_belongs_to_one_request(self, door):
        door = door()
        door.post(Idempotency_Key="a")
        answer = door.post({"force": True}, Idempotency_Key="a")
        assert (answer.status_code, answer.json_body["Code"]) == (422, "UnprocessableEntityError")
        assert len(door.sent()) == 2

    @pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256, "a\n"])
    def test_that_is_not_accepted_has_no_effect(self, door, key):
        door = door()
        answer = door.post(Idempotency_Key=key)
        assert answer.status_code == 400
        assert "Idempotency-Key; accepted: 1 to 255" in answer.json_body["Message"]
        assert door.sent() == []


class TestWithoutATable:
    def test_scans_are_started_and_the_answer_says_what_is_missing(self, door):
        door = door(HISTORY_TABLE_NAME="")
        for _ in range(2):
            answer = door.post().json_body
            assert (answer["id"], answer["repeated"], answer["enqueued"]) == (None, False, 2)
            assert "HISTORY_TABLE_NAME is not set" in answer["warnings"][0]

    def test_there_is_nothing_to_show(self, door):
        answer = door(HISTORY_TABLE_NAME="").get("0123456789abcdef")
        assert answer.status_code == 501
        assert "HISTORY_TABLE_NAME is not set" in answer.json_body["Message"]

    def test_that_answers_scans_are_started_and_the_answer_says_so(self, door):
        answer = door(HISTORY_TABLE_NAME="missing").post()
        assert answer.status_code == 202
        assert (answer.json_body["id"], answer.json_body["enqueued"]) == (None, 2)
        assert "the table did not answer" in answer.json_body["warnings"][0]


class TestATableThatStopsToAnswer:
    """It took the request, and then answers no more."""

    @pytest.fixture
    def door(self, door, monkeypatch):
        door = door()

        def refuse(*_):
            raise REFUSED

        for name in ("open", "release"):
            monkeypatch.setattr(door.services.listings, name, refuse)
        return door

    def test_scans_are_started_and_the_answer_says_so(self, door):
        answer = door.post()
        assert answer.status_code == 202
        assert (answer.json_body["id"], answer.json_body["enqueued"]) == (None, 2)
        assert "the table did not answer" in answer.json_body["warnings"][0]
        assert len(door.sent()) == 2

    def test_what_failed_is_an_error_as_ever(self, door, logged):
        door.break_registry()
        answers = []
        lines = logged(lambda: answers.append(door.post()))
        assert answers[0].status_code == 500
        assert "request not kept" in [line.get("message") for line in lines]


class TestWhatCannotBeListed:
    """Of two regions the second one cannot be read."""

    @pytest.fixture
    def door(self, door):
        door = door(SCAN_REGIONS="eu-west-1,us-east-1")
        door.break_registry(1)
        return door

    def test_is_named_and_the_rest_is_sent(self, door):
        answer = door.post()
        assert answer.status_code == 207
        assert door.sent() == ["payments/api", "shop/api"]
        # What could not be listed is tried again by a job of its own.
        assert answer.json_body["enqueued"] == 3
        [failure] = answer.json_body["failures"]
        assert failure.startswith("own account/us-east-1: ")
        assert "AccessDeniedException" in failure

    def test_is_no_reason_to_send_the_rest_twice(self, door):
        first = door.post()
        assert door.post().json_body == first.json_body | {"repeated": True}
        assert len(door.sent()) == 2

    def test_does_not_keep_a_repository_from_being_scanned_that_is_elsewhere(self, door):
        answer = door.post({"repositories": ["shop/api", "shop/none"]})
        assert answer.status_code == 207
        assert door.sent() == ["shop/api"]
        assert "shop/none: not found in what was listed" in answer.json_body["failures"]

    def test_may_be_thousands_of_repositories_and_is_no_reason_to_send_the_rest_twice(self, door):
        names = [f"team/a-service-with-a-long-name-{n:05}" for n in range(8_000)]
        request = {"repositories": [*names, "shop/api"]}
        first = door.post(request).json_body
        assert len(first["failures"]) == 8_001
        assert door.sent() == ["shop/api"]
        door.later(LEASE_SECONDS + 2)
        again = door.post(request).json_body
        assert (again["repeated"], again["id"], door.sent()) == (True, first["id"], [])
        state = door.get(first["id"]).json_body
        *kept, rest = state["failures"]
        assert state["failuresComplete"] is False
        assert kept == first["failures"][: len(kept)]
        assert rest == f"{8_001 - len(kept)} more"
        assert len(kept) > 1_000

    def test_is_named_in_a_dry_run_which_shows_the_rest(self, door):
        answer = door.post({"dryRun": True})
        assert answer.status_code == 207
        assert [row["repository"] for row in answer.json_body["images"]] == [
            "payments/api",
            "shop/api",
        ]

    def test_is_an_error_where_nothing_can_be_listed_and_asked_again(self, door):
        door.break_registry(0)
        answers = [door.post() for _ in range(2)]
        assert [answer.status_code for answer in answers] == [502, 502]
        assert len(answers[0].json_body["failures"]) == 2
        assert answers[1].json_body["repeated"] is False


def test_a_dry_run_answers_in_time_however_long_it_takes_to_find_what_is_in_use(door, monkeypatch):
    class Endless:
        def images(self):
            while True:
                time.sleep(0.01)
                yield ImageUse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api:1", "ECS")

    door = door(ECS_DISCOVERY_ENABLED="true")
    monkeypatch.setattr(door.services, "workloads", lambda: iter([("ECS", Endless())]))
    monkeypatch.setattr("chalicelib.scanning.start_scans.ANSWER_SECONDS", 4)
    answer = door.post({"dryRun": True})
    assert answer.status_code == 207
    assert answer.json_body["failures"] == ["ECS: there was no time left"]
    assert len(answer.json_body["images"]) == 2
    assert answer.json_body["imagesComplete"] is False


class TestTagsThatCannotBeRead:
    """Of two regions, each with repositories."""

    @pytest.fixture
    def answer(self, aws, door, monkeypatch):
        """The answer where those of so many regions, from the last on, cannot be read."""
        other = LocalRegistry(region="us-east-1")
        other.add_image("shop/web", tags=("1",), scanned_at=STALE)
        given = {"SCAN_REGIONS": "eu-west-1,us-east-1", "REPOSITORY_TAG_RULES": "true"}
        with local_ecr(aws, other):
            door = door(**given)
            tags_of = door.services.repository_tags_of

            def answer(number, body=None):
                broken = door.services.settings.registries[-number:]

                def refuse(_):
                    raise REFUSED

                def tags(address):
                    return SimpleNamespace(rules=refuse) if address in broken else tags_of(address)

                monkeypatch.setattr(door.services, "repository_tags_of", tags)
                return door.post(body), door.sent()

            yield answer

    def test_cost_that_region_only(self, answer):
        answered, sent = answer(1)
        assert answered.status_code == 207
        assert sent == ["payments/api", "shop/api"]
        [failure] = answered.json_body["failures"]
        assert failure.startswith("own account/us-east-1: ")

    def test_are_named_in_a_dry_run_which_shows_the_rest(self, answer):
        answered, _ = answer(1, {"dryRun": True})
        assert answered.status_code == 207
        assert len(answered.json_body["images"]) == 2

    def test_of_all_regions_are_an_error_and_nothing_is_sent(self, answer):
        answered, sent = answer(2)
        assert (answered.status_code, sent) == (502, [])
        assert len(answered.json_body["failures"]) == 2


def test_jobs_that_the_queue_refuses_are_named_and_the_rest_is_sent(door, monkeypatch):
    door = door()
    queue = door.services.jobs_queue

    class Refusing:
        def send_message_batch(self, **request):
            first, *others = request["Entries"]
            answer = client.send_message_batch(QueueUrl=request["QueueUrl"], Entries=others)
            failed = {"Id": first["Id"], "SenderFault": True, "Code": "InvalidMessage"}
            return answer | {"Failed": [failed]}

    client = queue._client
    monkeypatch.setattr(queue, "_client", Refusing())
    answer = door.post()
    assert (answer.status_code, answer.json_body["enqueued"]) == (207, 1)
    assert answer.json_body["failures"] == ["1 of 2 jobs not sent: payments/api (InvalidMessage)"]
    assert door.sent() == ["shop/api"]


class TestSingleImages:
    def test_are_scanned_and_no_other_of_their_repository(self, door, aws):
        aws.add_image("shop/api", tags=("2",), scanned_at=STALE)
        door = door()
        answer = door.post({"images": ["shop/api:2"]})
        assert answer.json_body["repositories"] == ["shop/api"]
        door.work()
        assert aws.calls["StartImageScan"] == 1
        assert door.get(answer.json_body["id"]).json_body["scansStarted"] == 1

    def test_are_scanned_though_their_last_scan_is_fresh_when_asked_to(self, door, aws):
        aws.add_image("shop/api", tags=("2",), scanned_at=datetime.now(UTC) - timedelta(days=2))
        door = door()
        door.post({"images": ["shop/api:2"]})
        door.work()
        assert "StartImageScan" not in aws.calls
        door.post({"images": ["shop/api:2"], "force": True})
        door.work()
        assert aws.calls["StartImageScan"] == 1

    def test_that_are_not_there_are_named(self, door):
        door = door()
        answer = door.post({"images": ["shop/api:1", "shop/api:none"]})
        door.work()
        state = door.get(answer.json_body["id"]).json_body
        assert state["imagesNotFound"] == ["shop/api:none in own account/own region"]
        assert state["scansStarted"] == 1

    def test_that_are_not_there_show_in_a_dry_run(self, door):
        answer = door().post({"images": ["shop/api:none", "shop/api:1"], "dryRun": True})
        rows = [(row["imageTags"], row["reason"]) for row in answer.json_body["images"]]
        assert rows == [(["1"], "scan expired"), (["none"], "not found")]

    def test_of_an_index_that_is_not_named_show_in_a_dry_run(self, door, aws):
        arm, amd = (aws.add_image("shop/api", scanned_at=STALE) for _ in range(2))
        for tag, children in (("2", (amd, arm)), ("3", (arm,))):
            digests = tuple(child.digest for child in children)
            aws.add_image("shop/api", tags=(tag,), media_type=OCI_INDEX, children=digests)
        door = door()

        def shown(name):
            answer = door.post({"images": [name], "dryRun": True})
            return {(row["imageDigest"], row["reason"]) for row in answer.json_body["images"]}

        assert shown(f"shop/api@{arm.digest}") == {(arm.digest, "scan expired")}
        # One of these two is part of another index, too.
        children = {(image.digest, "scan expired") for image in (arm, amd)}
        assert children < shown("shop/api:2")

    def test_of_a_repository_that_does_not_exist_are_refused(self, door):
        door = door()
        answer = door.post({"images": ["shop/none:1"]})
        assert answer.status_code == 400
        assert "images: there is no 'shop/none'" in answer.json_body["Message"]
        assert door.sent() == []

    def test_have_a_daily_budget_too(self, door, aws):
        door = door(DAILY_SCAN_BUDGET="1")
        answer = door.post({"images": ["shop/api:1", "shop/api:none"]})
        for _ in range(2):
            door.work()
        state = door.get(answer.json_body["id"]).json_body
        assert state["jobs"] == {"sent": 2, "done": 2, "failed": 0, "left": 0}
        assert state["scansStarted"] == aws.calls["StartImageScan"] == 1
        assert state["imagesNotFound"] == ["shop/api:none in own account/own region"]


class TestWhatBecameOfAListing:
    def test_is_shown_from_beginning_to_end(self, door):
        door = door()
        listing = door.post().json_body["id"]
        before = door.get(listing).json_body
        assert (before["listed"], before["matched"], before["scansStarted"]) == (2, 2, 0)
        assert before["jobs"] == {"sent": 2, "done": 0, "failed": 0, "left": 2}
        assert datetime.fromisoformat(before["startedAt"]) <= datetime.now(UTC)
        door.work()
        after = door.get(listing).json_body
        assert after["jobs"] == {"sent": 2, "done": 2, "failed": 0, "left": 0}
        assert after["scansStarted"] == 2

    def test_counts_a_job_once_that_is_delivered_twice(self, door, queue):
        door = door()
        listing = door.post().json_body["id"]
        jobs = queue.receive_all()
        for job in [*jobs, *jobs]:
            queue.client.send_message(QueueUrl=queue.url, MessageBody=json.dumps(job))
        door.work()
        state = door.get(listing).json_body
        assert state["jobs"] == {"sent": 2, "done": 2, "failed": 0, "left": 0}
        assert state["scansStarted"] == 2

    def test_says_which_jobs_failed_and_why_until_they_succeed(self, door, aws, queue, monkeypatch):
        monkeypatch.setattr("chalicelib.scanning.scan_images.RETRY_DELAY_SECONDS", 0)
        door = door()
        listing = door.post().json_body["id"]
        answer = aws.answer

        def refuse(operation, request):
            if operation == "StartImageScan" and request["repositoryName"] == "shop/api":
                raise EcrError("KmsException", "the key is disabled")
            return answer(operation, request)

        aws.answer = refuse
        door.work()
        state = door.get(listing).json_body
        # What failed goes on as a job of just that.
        assert state["jobs"] == {"sent": 2, "done": 1, "failed": 0, "left": 1}
        [rest] = queue.receive_all()
        for answering, done in ((refuse, 1), (answer, 2)):
            aws.answer = answering
            queue.client.send_message(QueueUrl=queue.url, MessageBody=json.dumps(rest))
            door.work()
            state = door.get(listing).json_body
            assert state["jobs"] == {"sent": 2, "done": done, "failed": 2 - done, "left": 0}
            reasons = [(each["job"], each["reason"]) for each in state["jobFailures"]]
            assert all("the key is disabled" in reason for _, reason in reasons)
            assert [job for job, _ in reasons] == ["shop/api"] * (2 - done)
        assert state["scansStarted"] == 2

    def test_shows_what_could_not_be_listed(self, door):
        door = door(SCAN_REGIONS="eu-west-1,us-east-1")
        door.break_registry(1)
        answer = door.post().json_body
        assert door.get(answer["id"]).json_body["failures"] == answer["failures"]

    @pytest.mark.parametrize("listing", ["0123456789abcdef", "nonsense", "%20", "..", "é"])
    def test_of_which_nothing_is_known_is_not_there(self, door, listing):
        answer = door().get(listing)
        assert answer.status_code == 404
        assert answer.json_body["Code"] == "NotFoundError"

    @pytest.mark.parametrize("looks", range(0, 9, 2))
    def test_is_all_of_it_where_it_took_several_runs(self, door, aws, queue, monkeypatch, looks):
        others = [LocalRegistry(region=region) for region in ("us-east-1", "us-east-2")]
        for registry in others:
            registry.add_image("shop/web", tags=("1",), scanned_at=STALE)
        left = iter([10**6] * looks)
        deadline = SimpleNamespace(seconds=lambda _: Deadline(lambda: next(left, 0)))
        monkeypatch.setattr("chalicelib.scanning.start_scans.Deadline", deadline)
        with local_ecr(aws, *others):
            door = door(SCAN_REGIONS="eu-west-1,us-east-1,us-east-2")
            answer = door.post({"repositoriesFilterRegexp": "^shop"}).json_body
            assert answer["continued"] is True
            # The job that goes on with it is delivered twice.
            [*jobs, rest] = queue.receive_all()
            for job in (*jobs, rest, rest):
                queue.client.send_message(QueueUrl=queue.url, MessageBody=json.dumps(job))
            for _ in range(2):
                door.work()
            state = door.get(answer["id"]).json_body
        assert (state["listed"], state["matched"], state["scansStarted"]) == (4, 3, 3)
        assert state["jobs"]["left"] == 0

    @pytest.mark.parametrize("error", [Throttled("slow"), REFUSED])
    def test_is_to_be_asked_again_while_the_table_does_not_answer(
        self, door, monkeypatch, logged, error
    ):
        door = door()
        listing = door.post().json_body["id"]

        def fail(*_):
            raise error

        answers = []
        with monkeypatch.context() as patched:
            patched.setattr(door.services.table, "query", fail)
            lines = logged(lambda: answers.append(door.get(listing)))
        [answer] = answers
        assert (answer.status_code, answer.json_body["Code"]) == (503, "ServiceUnavailableError")
        assert int(answer.headers["Retry-After"]) > 0
        assert "progress not read" in [line["message"] for line in lines]
        assert door.get(listing).status_code == 200

    def test_costs_one_write_a_job_and_only_where_somebody_asked(self, door, queue, monkeypatch):
        door = door()
        writes = []
        update = door.services.table.update
        monkeypatch.setattr(
            door.services.table, "update", lambda *given: writes.append(given[0]) or update(*given)
        )
        listing = door.post().json_body["id"]
        writes.clear()
        door.work()
        assert writes == [f"listing#{listing}"] * 2
        writes.clear()
        door._client.lambda_.invoke("list_repositories", {})
        assert not any("listing" in job for job in queue.receive_all())
        assert writes == []

    def test_that_cannot_be_kept_does_not_stop_the_scans(self, door, aws, monkeypatch, logged):
        door = door()
        door.post()

        def refuse(*_):
            raise REFUSED

        monkeypatch.setattr(door.services.listings, "note", refuse)
        lines = logged(door.work)
        assert aws.calls["StartImageScan"] == 2
        assert sum(line["message"] == "progress not kept" for line in lines) == 2


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_key_of_its_own_is_taken_or_refused_clearly(any_key):
    request = SimpleNamespace(headers={"Idempotency-Key": any_key.decode("latin-1")})
    try:
        key = _key_of(ListingRequest(), request)
    except RequestError:
        return
    assert key.seconds == OWN_KEY_SECONDS
