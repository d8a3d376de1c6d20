"""MLflow's store when it can't be used: locked for longer than it is waited for, on a full disk, gone."""

from collections.abc import Iterator
from contextlib import contextmanager


class RegistryUnavailable(OSError):  # noqa: N818 - says what is wrong
    """MLflow's store or its artifacts can't be used now; the message names the store and says why, in one line."""


@contextmanager
def told(tracking_uri: str) -> Iterator[None]:
    """Tell in one line what MLflow raises of its store at an SQLAlchemy URL; by itself it tells pages of SQL.

    Raises:
        RegistryUnavailable: it did.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, OSError, SQLAlchemyError) as error:
        # written out, a URL keeps its password to itself
        store, why = make_url(tracking_uri).render_as_string(), str(error).strip().splitlines()[0]
        raise RegistryUnavailable(f"MLflow's store {store} can't be used: {why}") from None
