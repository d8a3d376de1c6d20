"""Where the tools keep their state: in files of the home, or in the servers that the profile gcp names."""

import json
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from pydantic import SecretStr

from tactful.settings import Settings, SettingsError, variable

SCHEMAS = ("dagster", "feast", "mlflow", "ledger")
"""Each tool has a schema of its own in Postgres, since their tables share names."""
_PATIENCE = 5


def tracking_uri(settings: Settings) -> str:
    """MLflow's store of runs and versions, as an SQLAlchemy URL."""
    if settings.profile == "gcp":
        return postgres_url(settings, "mlflow")
    return f"sqlite:///{settings.home / 'mlflow' / 'mlflow.db'}"


def ledger_url(settings: Settings) -> str:
    """The ledger of champions, beside MLflow's store, as an SQLAlchemy URL."""
    if settings.profile == "gcp":
        return postgres_url(settings, "ledger")
    return f"sqlite:///{settings.home / 'mlflow' / 'ledger.db'}"


def clients_url(settings: Settings) -> str:
    """The settings of the decision service's clients, as an SQLAlchemy URL."""
    if settings.profile == "gcp":
        return postgres_url(settings, "ledger")
    return f"sqlite:///{settings.home / 'decisions' / 'clients.db'}"


def artifact_location(settings: Settings) -> str:
    """The URI under which MLflow keeps models and plots."""
    return settings.artifacts or (settings.home / "mlflow" / "artifacts").absolute().as_uri()


def decision_record(settings: Settings) -> Path:
    """The file in which the decision service puts its decisions on record."""
    return settings.home / "decisions" / "decisions.sqlite"


def postgres_url(settings: Settings, schema: str) -> str:
    """The Postgres that the settings name, as an SQLAlchemy URL whose tables are those of `schema`."""
    parts = urlsplit(_revealed(settings.postgres_url))
    asked = dict(parse_qsl(parts.query))
    asked["options"] = f"{asked.get('options', '')} -csearch_path={schema}".strip()
    return parts._replace(scheme="postgresql+psycopg2", query=urlencode(asked, quote_via=quote)).geturl()


def redis_for_feast(settings: Settings) -> str:
    """The Redis that the settings name, as Feast's own connection string."""
    parts = urlsplit(_revealed(settings.redis_url))
    stated = {
        "db": parts.path.strip("/") or "0",
        **{name: json.dumps(unquote(value)) for name in ("username", "password") if (value := getattr(parts, name))},
        **({"ssl": "true"} if parts.scheme == "rediss" else {}),
        # a server that hangs must not hold a run or a decision for ever
        "socket_timeout": str(_PATIENCE),
        "socket_connect_timeout": str(_PATIENCE),
    }
    return ",".join((f"{parts.hostname}:{parts.port or 6379}", *(f"{name}={value}" for name, value in stated.items())))


def ensure_schemas(settings: Settings) -> None:
    """Create each tool's schema in Postgres where it is missing.

    Raises:
        SettingsError: Postgres can't be reached, or does not let the user create a schema.
    """
    import psycopg2

    try:
        connected = psycopg2.connect(_revealed(settings.postgres_url), connect_timeout=_PATIENCE)
        with closing(connected), connected, connected.cursor() as cursor:
            for schema in SCHEMAS:
                cursor.execute(f"create schema if not exists {schema}")
    except psycopg2.Error as error:
        raise SettingsError(f"{variable('postgres_url')} can't be used: {_line(error)}") from None


def ping_postgres(settings: Settings) -> str | None:
    """What is wrong with Postgres; None when it answers."""
    import psycopg2

    try:
        psycopg2.connect(_revealed(settings.postgres_url), connect_timeout=_PATIENCE).close()
    except psycopg2.Error as error:
        return _line(error)
    return None


def ping_redis(settings: Settings) -> str | None:
    """What is wrong with Redis; None when it answers."""
    from redis import Redis, RedisError

    address = _revealed(settings.redis_url)
    try:
        with Redis.from_url(address, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE) as client:
            client.ping()
    except RedisError as error:
        return _line(error)
    return None


def _revealed(secret: SecretStr | None) -> str:
    if secret is None:
        raise SettingsError("The profile gcp lacks an address; `tactful doctor` names it.")
    return secret.get_secret_value()


def _line(error: Exception) -> str:
    """The first line of what a driver says; neither driver repeats the password."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
