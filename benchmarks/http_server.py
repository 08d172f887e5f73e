"""The cloud over HTTP, in a process of its own: ``python -m benchmarks.http_server WORLD``.

It speaks as much of HTTP/1.1 as boto3 does, on the loopback address, and prints its port.
A request names the simulated time at which it arrives in a header of its own, and an answer how
long it took to come.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cloud import Cloud, World

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME_HEADER = "X-Simulated-Time"

WAIT_HEADER = "X-Simulated-Wait"

_ANSWER = "\r\n".join(
    (
        "HTTP/1.1 {} ",
        "Content-Type: application/x-amz-json-1.1",
        f"{WAIT_HEADER}: {{}}",
        "Content-Length: {}",
        "",
        "",
    )
)


class _Connection(asyncio.Protocol):
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        headers = _headers(head)
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._received = rest[length:]
        status, answer = self._cloud.answer(
            headers["x-amz-target"],
            json.loads(rest[:length]),
            float(headers[TIME_HEADER.lower()]),
        )
        wait = answer.pop("SimulatedWaitSeconds", 0)
        body = json.dumps(answer).encode()
        self._transport.write(_ANSWER.format(status, wait, len(body)).encode() + body)


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines}


async def serve(cloud: Cloud) -> None:
    """Answer requests until the process is ended; prints the port first."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(cloud), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def report(address: str) -> Any:
    """What :meth:`Cloud.report` tells of the cloud at an address."""
    headers = {"X-Amz-Target": "Simulation.Report", TIME_HEADER: "0"}
    request = urllib.request.Request(address, b"{}", headers)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


@contextmanager
def running(world: World) -> Iterator[str]:
    """The cloud in another process, so that its memory and time are no part of what is measured.

    Gives its address.
    """
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "benchmarks.http_server", json.dumps(world.to_dict())],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101
        with process.stdout:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    asyncio.run(serve(Cloud(World(**json.loads(sys.argv[1])))))
