"""What makes a site of the documents."""

import re

import pytest
from mkdocs.config import load_config
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from deployment.packages import PROJECT
from deployment.site import drawing_of, drawings, on_files, on_page_markdown


@pytest.fixture(scope="module")
def config():
    config = load_config(str(PROJECT / "mkdocs.yml"))
    config.plugins._current_plugin = "deployment/site.py"  # as MkDocs does while it calls it
    return config


@pytest.fixture
def fitted(config):
    """A page's text as the site has it."""

    def fit(text, page="notifications.md"):
        file = File(page, config.docs_dir, config.site_dir, config.use_directory_urls)
        return on_page_markdown(text, page=Page(None, file, config), config=config, files=Files([]))

    return fit


def test_documents_beside_the_folder_are_pages(config):
    added = on_files(Files([]), config)
    assert {each.src_uri for each in added} == {
        *("index.md", "changelog.md", "contributing.md", "security.md"),
    }


@pytest.mark.parametrize(
    ("page", "link", "on_the_site"),
    [
        ("notifications.md", "channels.md#sms", "channels.md#sms"),
        ("notifications.md", "../README.md", "index.md"),
        ("notifications.md", "../CONTRIBUTING.md#a-rule", "contributing.md#a-rule"),
        ("index.md", "docs/tutorial.md", "tutorial.md"),
        ("index.md", "docs/images/page.png", "images/page.png"),
        ("index.md", "SECURITY.md", "security.md"),
    ],
)
def test_links_between_documents_stay_on_the_site(fitted, page, link, on_the_site):
    assert fitted(f"[that]({link})", page) == f"[that]({on_the_site})"


def test_links_to_sources_lead_to_the_repository(fitted, config):
    assert fitted("[it](../app.py)") == f"[it]({config.repo_url}/blob/main/app.py)"


def test_links_elsewhere_and_anchors_stay_as_they_are(fitted):
    text = "[a](https://docs.aws.amazon.com/AmazonECR/) [b](#lines)"
    assert fitted(text) == text


def test_a_drawing_is_its_picture_and_its_source_while_there_is_none(fitted):
    source = next(
        source
        for picture, source in drawings(PROJECT).items()
        if (PROJECT / "docs" / picture).exists()
    )
    picture = drawing_of(source)
    assert fitted(f"```mermaid\n{source}```") == f"[![Drawing]({picture})]({picture})"
    assert fitted("```mermaid\nnew\n```") == "```text\nnew\n```"


def test_pictures_of_drawings_load_nothing():
    for picture in (PROJECT / "docs/images").glob("drawing-*.svg"):
        found = re.findall(r"https?://[^\s\"'<]+", picture.read_text())
        assert set(found) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
