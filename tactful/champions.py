"""Who decides, as the registry has it now."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from ml.bundle import BundleError
from ml.registry import Registry, RegistryError
from tactful.settings import Settings, SettingsError


def deciding(settings: Settings, models: Iterable[str]) -> Mapping[str, str | None]:
    """The version of each model that is champion now; None where none is.

    Raises:
        SettingsError: the registry can't be used.
    """
    registry = Registry.of(settings)
    with told():
        champions = {name: registry.champion(name) for name in models}
    return {name: champion.version if champion else None for name, champion in champions.items()}


@contextmanager
def told() -> Iterator[None]:
    """What the registry refuses, as a mistake of who asked; and a store that can't be used, as one line."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (RegistryError, BundleError) as refusal:
        raise SettingsError(str(refusal)) from None
    except (MlflowException, SQLAlchemyError, OSError) as failure:
        raise SettingsError(f"The registry or its ledger can't be used: {str(failure).splitlines()[0]}") from None
