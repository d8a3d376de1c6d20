"""The objects that `feast apply` and `feast ui` find in this folder; the platform applies the same ones by itself."""

from feature_repo import contract
from feature_repo.store import build_objects
from tactful import settings
from tactful.dbt import MANIFEST

# Feast's command line looks for objects among a module's values, one name each.
globals().update(
    {f"{type(thing).__name__}_{thing.name}": thing for thing in build_objects(contract.load(MANIFEST), settings.load())}
)
