"""``make demo``."""

from local import demo


def test_the_demo_shows_each_repository_and_each_medium(capsys):
    demo.main()

    out = capsys.readouterr().out
    for text in ("shop/checkout", "scan fresh", "not an image", "14 repositories", "inventory of"):
        assert text in out
    for text in (
        "email",
        "sms",
        "json",
        "chat",
        "Security Hub",
        "Attributes to filter by",
        "CVE-2026-31337 in openssl",
    ):
        assert text in out
