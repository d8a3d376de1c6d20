"""What the model registry holds."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

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
        aliases = {str(version): alias for alias, version in model.aliases.items()}
        for version in client.search_model_versions(f"name = '{model.name}'"):
            tags = version.tags
            table.add_row(
                model.name,
                str(version.version),
                aliases.get(str(version.version), ""),
                f"{datetime.fromtimestamp(version.creation_timestamp / 1000, UTC):%Y-%m-%d %H:%M} UTC",
                f"{tags.get('trained_from', '?')} to {tags.get('trained_to', '?')}",
                tags.get("bundle_digest", "none")[:12],
            )
    console.print(table)
