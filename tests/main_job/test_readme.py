"""What README shows, as it stands there."""

import re
import subprocess
import sys

from tactful.home import environment
from tactful.settings import Settings
from tests.conftest import PROJECT, Ran


def test_the_lookup_of_the_readme_serves_a_user_s_features(ran: Ran) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    users = ran.query("select user_pseudo_id from fct_user_features order by feature_at desc limit 1")
    user = users["user_pseudo_id"].iloc[0]

    told = subprocess.run(
        [sys.executable, "-c", code.replace("1.1", user)],
        env=environment(Settings(home=ran.home)),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert user in told.stdout
    assert re.search(r"'sessions_28d': \[\d+\]", told.stdout)


def test_every_place_that_the_readme_links_is_there() -> None:
    text = (PROJECT / "README.md").read_text()

    assert [link for link in re.findall(r"\]\((docs/[^)]+)\)", text) if not _is_there(link)] == []


def _is_there(link: str) -> bool:
    """Whether a page exists, and has the heading that a link names as GitHub does."""
    name, _, anchor = link.partition("#")
    page = PROJECT / name
    if not anchor or not page.exists():
        return page.exists()
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
