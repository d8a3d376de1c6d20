"""The pages that are shown together."""

from rich.console import Console

from tactful import ui
from tactful.pages import Page
from tactful.settings import Settings


def test_the_demonstration_shop_is_printed_among_the_addresses() -> None:
    console = Console(width=120)
    with console.capture() as printed:
        console.print(ui._addresses(ui.servers(Settings(decision_port=8123))))

    addresses = dict(line.rsplit(maxsplit=1) for line in printed.get().splitlines())
    assert addresses["Demonstration shop"] == "http://127.0.0.1:8123/demo"
    assert addresses["Decision API"] == "http://127.0.0.1:8123/docs"


def test_a_page_is_shown_with_the_servers_that_it_takes() -> None:
    shown = ui.servers(Settings(), {Page.DAGSTER, Page.REPORTS})

    assert [server.log for server in shown] == ["dagster.log", "dagster's_daemon.log", "reports.log"]


def test_all_that_has_a_port_listens_on_the_host_of_the_settings() -> None:
    """The decision service reads the host itself."""
    listens = [server for server in ui.servers(Settings(host="0.0.0.0")) if server.port]

    assert [server.page for server in listens if "0.0.0.0" in server.command] == ["dagster", "mlflow", "reports"]
    assert [server.page for server in listens if ui.LOOPBACK in server.command] == []
