"""The configuration file: what it holds, what it refuses, and its schema."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib.ecr.registries import Role
from chalicelib.policy.durations import Duration
from chalicelib.policy.finding_filters import FindingFilters
from chalicelib.policy.rules import RepositoryRules, Rules
from chalicelib.policy.thresholds import Thresholds
from chalicelib.settings.configuration import parse_configuration, shown_values
from chalicelib.settings.documents import LONGEST_DOCUMENT, DocumentError
from chalicelib.settings.owner_topics import OwnerTopic
from chalicelib.settings.settings import Settings
from chalicelib.settings.table import ROWS
from deployment.schema import configuration_schema

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = (DOCS / "configuration.example.yaml").read_text()
SCAN = "arn:aws:iam::222222222222:role/scan"
OTHER = "arn:aws:iam::333333333333:role/scan"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:payments"
SCALARS = [row for row in ROWS if not row.by_deployment and "." in row.key]
SCALARS = [row for row in SCALARS if not row.key.endswith(".accounts")]


def configured(text, **variables):
    return Settings.from_environment(variables).configured(parse_configuration(text, "c.yaml"))


def errors_in(text):
    with pytest.raises(DocumentError) as raised:
        parse_configuration(text, "c.yaml")
    return raised.value.errors


def found_in(text):
    """The errors in a document, if there are any."""
    try:
        parse_configuration(text, "c.yaml")
    except DocumentError as error:
        return error.errors
    return ()


def nested(key, value):
    """A document with a value under a key of several parts."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return yaml.safe_dump(value)


def written(row):
    """A row's example as a configuration file writes it."""
    return row.example if row.kind.written == "string" else json.loads(row.example)


class TestValues:
    @pytest.mark.parametrize("row", SCALARS, ids=lambda row: row.key)
    def test_every_setting_that_the_functions_can_act_on_is_read(self, row):
        settings = configured(nested(row.key, written(row)))
        assert getattr(settings, row.name) == row.parse(row.example)

    @pytest.mark.parametrize("row", SCALARS, ids=lambda row: row.key)
    def test_a_variable_wins(self, row):
        text = nested(row.key, written(row))
        default = row.default or "7"
        if row.default:
            settings = configured(text, **{row.variable: default})
            assert getattr(settings, row.name) == row.parsed_default
            assert settings.overridden == [row.variable]

    def test_an_empty_variable_leaves_it_to_the_file(self):
        settings = configured("reporting: {thresholds: {critical: 5}}", CRITICAL="", HIGH="2")
        assert (settings.critical, settings.high, settings.medium) == (5, 2, 0)
        assert settings.overridden == []

    def test_owners_are_named_by_patterns_and_have_topics(self):
        settings = configured(f"""
            repositories: [{{pattern: payments/*, owner: payments}}]
            owners:
            - {{name: payments, topic: "{TOPIC}", chat-topic: "{TOPIC}-chat"}}
            - {{name: platform, topic: "{TOPIC}"}}
        """)
        assert settings.rules_of("payments/api").owner == "payments"
        assert settings.rules_of("shop/api").owner is None
        assert settings.owner_topics == (
            OwnerTopic("payments", TOPIC),
            OwnerTopic("payments", f"{TOPIC}-chat", is_chat=True),
            OwnerTopic("platform", TOPIC),
        )

    @pytest.mark.parametrize(
        "owner",
        [
            "{name: payments}",
            f"{{topic: '{TOPIC}'}}",
            "{name: payments, topic: x}",
            f"{{name: '', topic: '{TOPIC}'}}",
            "payments",
        ],
    )
    def test_an_owner_without_a_name_or_a_topic_is_an_error(self, owner):
        assert errors_in(f"owners: [{owner}]")

    def test_rules_of_repositories_hold_for_the_first_pattern_that_matches(self):
        settings = configured("""
            reporting: {ignore-unfixed: true, thresholds: {low: 9}}
            repositories:
            - pattern: payments/*
              duration: 1d
              fixable-only: true
              ignore-unfixed: false
              minimum-score: 7.5
              tag-pattern: ^v
              tagged-only: true
              newest: 3
              pushed-within: 1m
              pulled-within: 2w
              thresholds: {critical: 1, high: 2, medium: 3, informational: 5, undefined: 6}
            - pattern: "*"
              thresholds: {critical: 20}
        """)
        rules = settings.rules_of("payments/api")
        assert rules == Rules(
            duration=Duration.parse("1d"),
            tag_pattern=re.compile("^v"),
            tagged_only=True,
            newest=3,
            pushed_within=Duration.parse("1m"),
            pulled_within=Duration.parse("2w"),
            critical=1,
            high=2,
            medium=3,
            informational=5,
            undefined=6,
            fixable_only=True,
            ignore_unfixed=False,
            minimum_score=7.5,
        )
        assert rules.thresholds(settings.thresholds) == Thresholds(1, 2, 3, 9, 5, 6)
        assert rules.finding_filters(settings.finding_filters) == FindingFilters(True, False, 7.5)
        others = settings.rules_of("shop/api")
        assert others == Rules(critical=20)
        assert others.finding_filters(settings.finding_filters) == FindingFilters(
            ignore_unfixed=True
        )

    def test_a_variable_of_thresholds_takes_the_place_of_the_rules_of_repositories(self):
        text = "repositories: [{pattern: a, newest: 1}]"
        settings = configured(text, REPOSITORY_THRESHOLDS="b: HIGH=1")
        assert settings.repository_rules == (RepositoryRules("b", Rules(high=1)),)

    def test_accounts_have_their_own_external_id_or_the_one_for_all(self):
        settings = configured(f"""
            registries:
              external-id: shared
              accounts: [{{role: "{SCAN}"}}, {{role: "{OTHER}", external-id: own}}]
            images-in-use:
              accounts: [{{role: "{SCAN}"}}]
        """)
        assert settings.scan_roles == (Role(SCAN, "shared"), Role(OTHER, "own"))
        assert settings.ecs_discovery_roles == (Role(SCAN),)

    def test_a_variable_of_roles_takes_the_external_id_of_the_file(self):
        text = f"registries: {{external-id: shared, accounts: [{{role: '{OTHER}'}}]}}"
        assert configured(text, SCAN_ROLES=SCAN).scan_roles == (Role(SCAN, "shared"),)

    def test_what_needs_another_setting_is_looked_at_with_it(self):
        assert configured("reporting: {mode: changes}").errors()
        assert not configured("reporting: {mode: changes}", HISTORY_TABLE_NAME="table").errors()
        assert configured("images-in-use: {only: true}").errors()
        assert not configured("images-in-use: {only: true}", ECS_DISCOVERY_ENABLED="true").errors()


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("", "line 1: there is nothing in it"),
            (
                "reporting: 1",
                "line 1: reporting is '1'; accepted: an object with any of",
            ),
            ("scaning: {}", "line 1: 'scaning' is no key here; accepted: scanning, images"),
            (
                "reporting:\n  thresholds:\n    critcal: 1",
                "line 3: 'critcal' in reporting.thresholds is no key here; accepted: critical,",
            ),
            ("images:\n  newest: 0", "line 2: images.newest is '0'; accepted: a whole number, 1"),
            ("images:\n  newest: '5'", "line 2: images.newest is '5'; accepted: a whole number"),
            ("images:\n  newest: 1.0", "line 2: images.newest is '1.0'; accepted: a whole number"),
            ("images: {tagged-only: 'true'}", "line 1: images.tagged-only is 'true'; accepted: tr"),
            ("images: {tagged-only: yes}", "line 1: images.tagged-only is 'yes'; accepted: true"),
            ("images: {newest: [1]}", "line 1: images.newest is a list; accepted: a whole number"),
            ("images:\n  newest:", "line 2: images.newest is ''; accepted: a whole number"),
            ("scanning: {duration: 7}", "line 1: scanning.duration is '7'; accepted: months"),
            ("scanning: {duration: 0h}", "line 1: scanning.duration is '0h'; accepted: months"),
            (
                "registries: {external-id: 12}",
                "line 1: registries.external-id is '12'; accepted: 2 to 1224 letters, digits and"
                " any of _+=,.@:/-, in quotes if it looks like anything else",
            ),
            (
                "scanning: {repositories-filter: '('}",
                "line 1: scanning.repositories-filter is '('; accepted: a Python regular expr",
            ),
            ("reporting: {mode: always}", "line 1: reporting.mode is 'always'; accepted: every-"),
            ("reporting: {minimum-score: 11}", "line 1: reporting.minimum-score is '11'; acc"),
            ("images: {newest: 1, newest: 2}", "line 1: images.newest is there twice"),
            ("images: {newest: &n 1}", "line 1: an anchor or alias; accepted: none"),
            ("images: {newest: !!str 1}", "line 1: a tag; accepted: none"),
            ("#" * (LONGEST_DOCUMENT + 1), "line 1: 65537 characters; accepted: at most 65536"),
            ("repositories: {}", "line 1: repositories is an object; accepted: a list"),
            (
                "repositories: [a]",
                "line 1: repositories[0] is 'a'; accepted: an object",
            ),
            (
                "repositories: [{newest: 1}]",
                "line 1: repositories[0] has no pattern; accepted:",
            ),
            ("repositories: [{pattern: a}]", "line 1: repositories[0] has no rule; accepted: any"),
            (
                "repositories:\n- pattern: a\n  thresholds: {}",
                "line 2: repositories[0] has no rule",
            ),
            (
                "repositories:\n- pattern: ''\n  newest: 1",
                "line 2: repositories[0].pattern is ''; accepted: a glob pattern",
            ),
            (
                "repositories:\n- pattern: a\n  duration: soon",
                "line 3: repositories[0].duration is 'soon'; accepted: months",
            ),
            (
                "repositories:\n- pattern: a\n  skip: true\n  newest: 1",
                "line 3: 'skip' in repositories[0] is no key here",
            ),
            ("registries: {accounts: [x]}", "line 1: registries.accounts[0] is 'x'; accepted: an"),
            ("registries: {accounts: [{}]}", "line 1: registries.accounts[0] has no role; accep"),
            (
                "registries: {accounts: [{role: x}]}",
                "line 1: registries.accounts[0].role is 'x'; accepted: the ARN of an IAM role",
            ),
            (
                f"registries:\n  accounts:\n  - role: {SCAN}\n  - role: {SCAN}-2",
                "line 4: registries.accounts[1].role is the second of 222222222222; accepted: one",
            ),
        ],
    )
    def test_one_is_named_by_line_and_key_with_what_is_accepted(self, text, error):
        [found] = errors_in(text)
        assert found.startswith(f"c.yaml, {error}")

    @pytest.mark.parametrize(
        "row", [row for row in ROWS if row.by_deployment and row.key], ids=lambda row: row.key
    )
    def test_what_only_the_deployment_can_act_on_is_refused(self, row):
        [found] = errors_in(nested(row.key, written(row)))
        assert f"{row.key} is for the deployment to set, by the parameter {row.parameter}" in found
        assert row.variable in found

    def test_all_are_told_at_once(self):
        text = "images:\n  newest: 0\n  tagged-only: 1\nrepositories:\n- {}\n- {newest: 1}\n"
        assert [error.split(":")[0] for error in errors_in(text)] == [
            *("c.yaml, line 2", "c.yaml, line 3", "c.yaml, line 5", "c.yaml, line 6")
        ]

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["images", "newest", "repositories", "pattern", "accounts", "role"]
                    )
                    | st.text(),
                    inner,
                    max_size=3,
                )
            ),
        )
    )
    def test_any_document_is_a_configuration_or_refused(self, value):
        assert all(error.startswith("c.yaml, line ") for error in found_in(yaml.safe_dump(value)))


SCHEMA = configuration_schema()


def fitting(schema):
    """Values that fit a schema, as far as this one says anything."""
    kind = schema["type"]
    if kind == "object":
        inner = {key: fitting(each) for key, each in schema["properties"].items()}
        required = schema.get("required", ())
        return st.fixed_dictionaries(
            {key: inner[key] for key in required},
            optional={key: each for key, each in inner.items() if key not in required},
        ).filter(lambda value: len(value) >= schema.get("minProperties", 0))
    if kind == "array":
        return st.lists(fitting(schema["items"]), max_size=3)
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if kind == "number":
        # As people write them: neither 1e-9 nor a minus zero.
        return st.integers(schema["minimum"], 10 * schema["maximum"]).map(lambda n: n / 10)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "pattern" in schema:
        return st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True)
    # A regular expression that Python takes, or a glob pattern.
    texts = st.text("abc*", min_size=1, max_size=9)
    return texts.map(lambda text: re.sub(r"\*+", "*", text).lstrip("*") or "a")


class TestSchema:
    def test_is_a_schema_that_the_example_fits(self):
        Draft202012Validator.check_schema(SCHEMA)
        Draft202012Validator(SCHEMA).validate(yaml.safe_load(EXAMPLE))

    def test_the_example_is_a_configuration_and_names_the_schema(self):
        assert parse_configuration(EXAMPLE, "example")
        [schema] = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", EXAMPLE, re.MULTILINE)
        assert json.loads((DOCS / schema).read_text()) == SCHEMA

    @given(fitting(SCHEMA))
    @hypothesis_settings(max_examples=60)
    def test_what_fits_it_is_a_configuration(self, value):
        Draft202012Validator(SCHEMA).validate(value)
        text = yaml.safe_dump(value, allow_unicode=True, width=10_000)
        # What no schema can say: that no account is there twice.
        assert [each for each in found_in(text) if "is the second of" not in each] == []

    @pytest.mark.parametrize("row", SCALARS, ids=lambda row: row.key)
    def test_what_is_a_configuration_fits_it(self, row):
        Draft202012Validator(SCHEMA).validate(yaml.safe_load(nested(row.key, written(row))))

    @pytest.mark.parametrize(
        "text", ["a: 1", "images: {newest: 0}", "repositories: [{pattern: a}]", "scanning: 1"]
    )
    def test_what_is_wrong_does_not(self, text):
        assert not Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(text))
        assert errors_in(text)


def test_what_is_shown_of_it_is_every_key_with_its_value():
    shown = dict(shown_values(parse_configuration(EXAMPLE, "example")))
    assert shown["scanning.duration"] == "7d"
    assert shown["images.tagged-only"] == "true"
    assert shown["reporting.thresholds.high"] == "5"
    assert shown["repositories"] == "payments/*, sandbox/*"
    assert shown["registries.accounts"].split(", ")[1] == (
        "arn:aws:iam::333333333333:role/ecr-scan-reporter"
    )
