"""What the model registry holds."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from ml.registry import LAST_CHAMPION
from tactful.home import require_run
from tactful.settings import Settings
from tactful.stores import tracking_uri


def show_versions(settings: Settings, console: Console) -> None:
    """Print every version of every registered model, the newest first."""
    require_run(settings)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(settings), tracking_uri(settings))
    table = Table(box=None, pad_edge=False)
    for column in ("model", "version", "alias", "registered", "trained on", "bundle"):
        table.add_column(column)
    for model in client.search_registered_models():
        # where the champion was is kept for the next clustering, and says nothing of who decides
        shown = model.aliases.keys() - {LAST_CHAMPION}
        for version in client.search_model_versions(f"name = '{model.name}'"):
            tags, number = version.tags, str(version.version)
            table.add_row(
                model.name,
                number,
                ", ".join(sorted(alias for alias in shown if str(model.aliases[alias]) == number)),
                f"{datetime.fromtimestamp(version.creation_timestamp / 1000, UTC):%Y-%m-%d %H:%M} UTC",
                f"{tags.get('trained_from', '?')} to {tags.get('trained_to', '?')}",
                tags.get("bundle_digest", "none")[:12],
            )
    console.print(table)
