"""The application's table: moto's DynamoDB, which evaluates the expressions as they are written."""

import base64
import json
import zlib
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from moto.core.request import normalize_request
from moto.core.responses import ActionResult
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler

from chalicelib.aws.dynamodb import _read
from chalicelib.aws.line_states import state_of
from chalicelib.policy.states import ReportedState
from local.history import KEYS
from tests.faults.faults import Faults

ACCOUNT, REGION, NAME = "123456789012", "eu-west-1", "history"

PAGE_SIZES = (2, 20, 20)
"""The items of a page, so that there are several."""


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value.to_json()


_WITH_ITEMS = ("BatchGetItem", "GetItem", "Query", "Scan", "UpdateItem")


class _Handler(DynamoHandler):
    """Writes the answers that hold items as they are: moto's own way takes half of a run's time."""

    def serialized(self, action_result: ActionResult) -> Any:
        result = action_result.result
        if self._get_action() not in _WITH_ITEMS or not isinstance(result, dict):
            return super().serialized(action_result)
        given = {name: value for name, value in result.items() if value is not None}
        return 200, {}, json.dumps(given, default=_plain)


class Table:
    """An empty table, in the place of the one of the run before.

    Now and then it leaves some of a batch unread or unwritten, and its pages are short.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.page_size = faults.chance.choice(PAGE_SIZES)
        dynamodb_backends[ACCOUNT][REGION].tables.clear()
        self._call("CreateTable", {"TableName": NAME, **KEYS})

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the answer of a request."""
        if operation == "Query":
            return self._call(operation, {"Limit": self.page_size, **request})
        if not self._faults.happens(self._faults.keys_unread):
            return self._call(operation, request)
        if operation == "BatchWriteItem":
            return self._write_some(request["RequestItems"][NAME])
        if operation == "BatchGetItem":
            return self._read_some(request["RequestItems"][NAME])
        return self._call(operation, request)

    def _write_some(self, asked: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        written = self._faults.chance.randrange(len(asked))
        if written:
            self._call("BatchWriteItem", {"RequestItems": {NAME: asked[:written]}})
        return 200, {"UnprocessedItems": {NAME: asked[written:]}}

    def _read_some(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        read = self._faults.chance.randrange(len(asked["Keys"]))
        unread = {NAME: asked | {"Keys": asked["Keys"][read:]}}
        answer: dict[str, Any] = {"Responses": {NAME: []}}
        if read:
            some = {NAME: asked | {"Keys": asked["Keys"][:read]}}
            _, answer = self._call("BatchGetItem", {"RequestItems": some})
        return 200, answer | {"UnprocessedKeys": unread}

    @property
    def states(self) -> dict[str, list[ReportedState]]:
        """What is known of the lines of each repository that have an image, by its place."""
        _, answer = self._call("Scan", {"TableName": NAME})
        found: dict[str, list[ReportedState]] = {}
        for item in answer["Items"]:
            if item["sk"]["S"].startswith("line#"):
                state = state_of(_read(_with_bytes(item)))
                if not state.has_ended:
                    repository = item["pk"]["S"].partition("#")[2]
                    found.setdefault(repository, []).append(state)
        return found

    @property
    def news_waits(self) -> bool:
        """Whether any news is still to be sent."""
        _, answer = self._call("Scan", {"TableName": NAME})
        return any(item["pk"]["S"].startswith("news#") for item in answer["Items"])

    def news_under_way(self, channel: str) -> frozenset[str]:
        """The keys of the news that is in the message which a channel sends just now."""
        key = {"pk": {"S": "news-senders"}, "sk": {"S": channel}}
        _, answer = self._call("GetItem", {"TableName": NAME, "Key": key})
        packed = base64.b64decode(answer["Item"]["keys"]["B"])
        return frozenset(json.loads(zlib.decompress(packed)))

    def begin_long_ago(self) -> None:
        """Let the history have begun before any image was pushed: nothing is an inventory."""
        item = {"pk": {"S": "news-senders"}, "sk": {"S": "begun"}, "at": {"N": "1"}}
        never = {"expires_at": {"N": "99999999999"}}
        self._call("PutItem", {"TableName": NAME, "Item": item | never})

    @staticmethod
    def _call(operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        url = f"https://dynamodb.{REGION}.amazonaws.com/"
        headers = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Host": url[8:-1]}
        body = json.dumps(request).encode()
        asked = normalize_request(
            AWSPreparedRequest("POST", url, headers, body, stream_output=False)
        )
        status, _, answer = _Handler.dispatch(asked)
        return int(status), json.loads(answer)


def _with_bytes(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"findings": {"B": base64.b64decode(item["findings"]["B"])}}
