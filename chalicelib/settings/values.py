"""Numbers and switches in texts from outside."""

import re

ACCEPTED_COUNTS = "a whole number, 0 or more"
ACCEPTED_POSITIVES = "a whole number, 1 or more"
ACCEPTED_SCORES = "a number from 0 to 10, such as 7.5"
ACCEPTED_PROBABILITIES = "a number from 0 to 1, such as 0.5"
ACCEPTED_SWITCHES = "true, false"

COUNT_PATTERN = "[0-9]{1,18}"
POSITIVE_PATTERN = "[1-9][0-9]{0,17}"
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


def parse_probability(text: str) -> float:
    """Read a probability, 0 to 1; :raises ValueError: for anything else."""
    if not re.fullmatch(PROBABILITY_PATTERN, text):
        raise ValueError(text)
    return float(text)
