"""The documents name what there is, and all of it."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from chalicelib.runtime.pace import SCANNERS_AT_ONCE
from chalicelib.settings.table import ROWS
from deployment.packages import MERGED_TEMPLATE, PROJECT
from deployment.parameters import parameters_by_group
from deployment.site import PAGES as SITE_PAGES
from ecr_scan_reporter.__main__ import commands

DOCS = PROJECT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *PROJECT.glob("*.md")])
README = (PROJECT / "README.md").read_text()
ARCHITECTURE = (DOCS / "architecture.md").read_text()
RUNBOOK = (DOCS / "runbook.md").read_text()
DRAWN = (
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::CloudWatch::Alarm",
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
)
# What the commands of pages say beside parameters, in the same form.
OF_THE_AWS_CLI = {
    "OrganizationalUnitIds",
    "OutputKey",
    "ParameterKey",
    "ParameterValue",
    "RetainStacksOnAccountRemoval",
}
LOGGED = {"logs.summary", "logs.logger.info", "logs.logger.warning", "looked_up"}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms of functions."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: f"{suffix} {node.value}")


class _SiteLoader(yaml.SafeLoader):
    """YAML with MkDocs' own tags."""


_SiteLoader.add_multi_constructor("!", lambda *_: None)
_SiteLoader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
RESOURCES = yaml.load(MERGED_TEMPLATE.read_text(), _Loader)["Resources"]  # noqa: S506


def resources(*kinds):
    return {name for name, resource in RESOURCES.items() if resource.get("Type") in kinds}


def calls(names):
    """The first argument of every call of these functions in chalicelib, where it is a text."""
    for path in (PROJECT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in names and node.args:
                yield from _texts(node.args[0])


def _texts(node):
    nodes = (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,)
    return [node.value for node in nodes if isinstance(node, ast.Constant)]


def drawing():
    """The words of the drawing that could be names."""
    text, _ = re.findall(r"```mermaid\n(.*?)```", ARCHITECTURE, re.DOTALL)
    return set(re.findall(r"\w+", text))


def test_the_drawing_has_every_function_of_the_application():
    tree = ast.parse((PROJECT / "app.py").read_text())
    functions = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(
            "app." in ast.unparse(d) and "middleware" not in ast.unparse(d)
            for d in node.decorator_list
        )
    }
    assert len(functions) == 9  # of which the HTTP API has three
    assert functions <= drawing()


def test_the_drawing_has_every_queue_topic_alarm_table_and_bucket_and_no_other():
    kinds = tuple(kind.rpartition("::")[2] for kind in DRAWN)
    named = {word for word in drawing() if word.endswith(kinds)}
    assert named == resources(*DRAWN)


def test_the_drawing_says_how_often_a_job_is_tried_and_how_many_scanners_there_are():
    assert RESOURCES["JobsQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 5
    assert SCANNERS_AT_ONCE == 5
    assert "after five failures" in ARCHITECTURE
    assert "five at a time" in ARCHITECTURE


def folders_of_the_package():
    return {path.parent.name for path in (PROJECT / "chalicelib").glob("*/__init__.py")}


def test_every_folder_is_in_the_table_once():
    table = ARCHITECTURE.partition("## Folders")[2]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(
        folders_of_the_package()
    )


def test_the_drawing_of_the_folders_has_every_folder_and_every_layer_in_order():
    section = ARCHITECTURE.partition("## Folders")[2]
    [drawn] = re.findall(r"```mermaid\n(.*?)```", section, re.DOTALL)
    assert folders_of_the_package() <= set(re.findall(r"\w+", drawn))
    with (PROJECT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    flows, *layers = (each.replace("chalicelib.", "") for each in contracts[0]["layers"])
    line = re.sub(r"\[\w+\.py\]", "", drawn.strip().split("\n")[-1])
    assert line.strip().split(" --> ") == [flows.replace("|", "&"), *layers]


def test_the_runbook_has_every_alarm_by_its_name():
    for name in resources("AWS::CloudWatch::Alarm"):
        alarm = RESOURCES[name]["Properties"]["AlarmName"].removeprefix("Sub ${AWS::StackName}")
        assert f"| `$STACK{alarm}` | `{name}` |" in RUNBOOK


def test_the_runbook_has_every_queue_that_keeps_what_failed():
    for name in ("DeadJobsQueue", "FailedEventsQueue"):
        assert f"output {name}Url" in RUNBOOK


def test_the_runbook_has_every_metric_and_every_log_line():
    metrics = set(calls({"logs.count"}))
    assert metrics
    lines = set(calls(LOGGED))
    assert len(lines) > 5
    missing = [text for text in metrics | lines if f"`{text}`" not in RUNBOOK]
    assert missing == []


@pytest.fixture(scope="module")
def defaults():
    """Every variable of the settings, with the default that it has when it is not set."""
    return {row.variable: row.default for row in ROWS}


def settings_of_the_readme():
    """The cells of each row: variables, default, parameters."""
    section = README.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[A-Z].*?) \| (.*?) \| (.*?) \|", section, re.MULTILINE)
    assert len(rows) == 5
    return rows


def test_the_few_settings_of_the_readme_have_their_defaults(defaults):
    shown = {
        name: default
        for names, default, _ in settings_of_the_readme()
        for name in re.findall(r"`(\w+)`", names)
    }
    assert len(shown) > 5
    assert shown == {name: f"`{defaults[name]}`" if defaults[name] else "none" for name in shown}


def test_the_few_settings_of_the_readme_have_their_own_parameters():
    own = {row.variable: row.parameter for row in ROWS}
    for names, _, named in settings_of_the_readme():
        expected = [own[name] for name in re.findall(r"`(\w+)`", names)]
        assert re.findall(r"`(\w+)`", named) == expected
        assert set(expected) <= parameters()


def parameters():
    return {each.name for group in parameters_by_group().values() for each in group}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_parameters_that_are_given_values_in_a_page_exist(page):
    given = re.findall(r"\b([A-Z][a-z]+[A-Z][A-Za-z]*)=", page.read_text())
    assert set(given) - OF_THE_AWS_CLI <= parameters()


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 130


def test_the_readme_begins_with_one_command_for_the_demo_and_one_for_the_tests():
    first_screen = README.partition("\n## ")[0]
    assert re.findall(r"```sh\n(.*?)\n```", first_screen, re.DOTALL) == ["make demo", "make test"]
    run = (PROJECT / ".ci/run").read_text()
    assert re.findall(r"make (?:demo|test)$", run, re.MULTILINE) == ["make demo", "make test"]


def test_the_site_leads_to_every_document():
    site = yaml.load((PROJECT / "mkdocs.yml").read_text(), _SiteLoader)  # noqa: S506
    pages = {page for each in site["nav"] for page in _pages(each)}
    assert pages == {each.name for each in DOCS.glob("*.md")} | set(SITE_PAGES.values())


def _pages(entry):
    """The pages of an entry of the navigation, however deep."""
    match entry:
        case str():
            yield entry
        case dict():
            yield from (page for each in entry.values() for page in _pages(each))
        case _:
            yield from (page for each in entry for page in _pages(each))


def test_the_readme_leads_to_every_document():
    documents = [*DOCS.glob("*.md"), *DOCS.glob("*.yaml"), *(DOCS / "schemas").iterdir()]
    missing = [each for each in documents if f"({each.relative_to(PROJECT)}" not in README]
    assert missing == []


def test_the_settings_that_the_upgrade_notes_name_exist(defaults):
    text = (DOCS / "upgrading.md").read_text()
    named = set(re.findall(r"`([A-Z][A-Z_]+)(?:=\w+)?`", text))
    assert named
    assert named <= {*defaults, "WARNING"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_well_formed_and_links_lead_somewhere(page):
    text = page.read_text()
    for script in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        subprocess.run(["/bin/bash", "-n"], input=script, text=True, check=True)
    for link, anchor in re.findall(r"\]\(([^):#\s]*)(#[^)\s]*)?\)", text):
        target = (page.parent / link).resolve() if link else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link + anchor


OPTIONS = {
    name: {option for parameter in command.params for option in parameter.opts}
    for name, command in typer.main.get_command(commands).commands.items()
}
"""The options of every command of the command line."""


def commands_of(page):
    """Each command that a page gives of the command line: its name and its options."""
    scripts = "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL))
    lines = re.sub(r"\\\n\s*", "", scripts).splitlines()
    for line in (each.partition(" #")[0] for each in lines):
        ours = r"(?:ecr-scan-reporter|-m ecr_scan_reporter) ([a-z][a-z-]*)(.*)"
        made = r'make (plan|scan|report|gate) ARGS="(.*)"'
        for name, rest in re.findall(ours, line) + re.findall(made, line):
            yield name, set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest))


def test_commands_of_the_command_line_are_as_the_program_has_them():
    given = [(page.name, *each) for page in PAGES for each in commands_of(page)]
    assert len(given) > 10
    assert [each for each in given if each[1] not in OPTIONS or each[2] - OPTIONS[each[1]]] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_and_template_lines_that_are_named_exist(page):
    text = page.read_text()
    for path, _, test in re.findall(r"`(tests/[\w/]+\.py)(::(\w+))?`", text):
        assert (PROJECT / path).exists(), path
        assert f"def {test}" in (PROJECT / path).read_text() if test else True, test
    for name, key in re.findall(r"`template: (\w+)(?:\.([\w.]+))?`", text):
        found = RESOURCES[name]
        for part in key.split(".") if key else ():
            found = found[part]


def anchors(page: Path):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {
        "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
    }


OWN_WORDS = re.compile(
    r"patience|slow_down|time_left|hand(ed|s)?_on|\bstalls?\b|\bgates?\b|passed_over|memory|memories"
)


WORDS_WITH_BETTER_ONES = re.compile(
    r"\b(told|tell(s|ing)?|medium|media|gone|pass(es|ed)? over|patience|gates)\b(?! findings|\.\w)"
)


@pytest.mark.parametrize("page", [*DOCS.glob("*.md"), PROJECT / "README.md"], ids=lambda p: p.name)
def test_the_documents_say_what_the_glossary_says(page):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    assert [found[0] for found in WORDS_WITH_BETTER_ONES.finditer(prose)] == []


def test_the_code_names_things_as_the_field_does():
    """The words that the glossary has others for."""
    for path in (PROJECT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [getattr(node, each, None) for each in ("id", "name", "attr", "arg")]
            for name in filter(lambda each: isinstance(each, str), names):
                assert not OWN_WORDS.search(name.lower()), f"{path}: {name}"
