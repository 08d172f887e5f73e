"""Numbers and switches in texts from outside."""

import re

ACCEPTED_COUNTS = "a whole number, 0 or more"
ACCEPTED_POSITIVES = "a whole number, 1 or more"
ACCEPTED_SCORES = "a number from 0 to 10, such as 7.5"
ACCEPTED_PROBABILITIES = "a number from 0 to 1, such as 0.5"
ACCEPTED_SWITCHES = "true, false"
ACCEPTED_OWNERS = "a name of up to 64 letters, digits, spaces and _.@/+-, such as payments"
ACCEPTED_WINDOWS = "minutes from 1m to 60m, or 0 for none"

COUNT_PATTERN = "[0-9]{1,18}"
POSITIVE_PATTERN = "[1-9][0-9]{0,17}"
OWNER_PATTERN = "[A-Za-z0-9][A-Za-z0-9 _.@/+-]{0,63}"
WINDOW_PATTERN = "0|([1-9]|[1-5][0-9]|60)m"
SCORE_PATTERN = r"10(\.0{1,20})?|[0-9](\.[0-9]{1,20})?"

PROBABILITY_PATTERN = r"1(\.0{1,20})?|0(\.[0-9]{1,20})?"


def parse_count(text: str) -> int:
    """Read a whole number, 0 or more; :raises ValueError: for anything else."""
    if not re.fullmatch(COUNT_PATTERN, text):
        raise ValueError(text)
    return int(text)


def parse_positive(text: str) -> int:
    """Read a whole number, 1 or more; :raises ValueError: for anything else."""
    if not (number := parse_count(text)):
        raise ValueError(text)
    return number


def parse_switch(text: str) -> bool:
    """Read true or false; :raises ValueError: for anything else."""
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def parse_score(text: str) -> float:
    """Read a CVSS score, 0 to 10; :raises ValueError: for anything else."""
    if not re.fullmatch(SCORE_PATTERN, text):
        raise ValueError(text)
    return float(text)


def parse_window(text: str) -> int:
    """Read a time of some minutes, in seconds; :raises ValueError: for anything else."""
    if not re.fullmatch(WINDOW_PATTERN, text):
        raise ValueError(text)
    return 60 * int(text.removesuffix("m"))


def parse_owner(text: str) -> str:
    """Read the name of an owner; :raises ValueError: for anything else."""
    if not re.fullmatch(OWNER_PATTERN, text):
        raise ValueError(text)
    return text


def parse_probability(text: str) -> float:
    """Read a probability, 0 to 1; :raises ValueError: for anything else."""
    if not re.fullmatch(PROBABILITY_PATTERN, text):
        raise ValueError(text)
    return float(text)
