"""How bad a finding is."""

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
"""The severities of findings, worst first. Source: ECR, ImageScanFinding."""


def severity_of(text: str) -> str:
    """The severity of that name; UNDEFINED for every other, such as Inspector's UNTRIAGED."""
    return text.upper() if text.upper() in SEVERITIES else "UNDEFINED"
