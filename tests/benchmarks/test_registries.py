"""The memory that the clients of many registries take, in a process of its own."""

import re
import subprocess
import sys

MOST_MEGABYTES = 150


def test_the_clients_of_a_hundred_registries_fit_into_a_small_function():
    command = [sys.executable, "-m", "benchmarks.registries", "--registries", "100"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    megabytes = int(re.search(r"100 registries (\d+) MB", printed)[1])
    assert megabytes <= MOST_MEGABYTES
