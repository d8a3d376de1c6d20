"""Which versions a model was served by last, in a file that a start goes by where the registry can't be asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ga4_export import whole


class LastVersion(msgspec.Struct, frozen=True):
    """A version as it was served."""

    version: str
    # it names a folder; `$` alone would let a final line feed through
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]
    threshold: Annotated[float, Meta(ge=0, le=1)]


class LastServed:
    """A file for each model in `folder`: its versions by alias."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Mapping[str, LastVersion]] = {}

    def read(self, model: str) -> Mapping[str, LastVersion]:
        """The versions of `model`, none where there is no file.

        Raises:
            OSError, msgspec.DecodeError: the file can't be read or holds something else.
        """
        file = self._file(model)
        if file.is_file():
            self._known[model] = _decoder.decode(file.read_bytes())
        return self._known.get(model, {})

    def write(self, model: str, versions: Mapping[str, LastVersion]) -> None:
        """Keep the versions of `model`, unless they are the ones that are kept."""
        if versions != self._known.get(model, {}):
            whole.text(self._file(model), msgspec.json.encode(versions).decode())
            self._known[model] = versions

    def reads(self, model: str, alias: str) -> frozenset[str]:
        """The names of the features that the version under `alias` reads; none where nothing was served.

        Raises:
            OSError, msgspec.DecodeError: a file can't be read or holds something else.
        """
        last = self.read(model).get(alias)
        if last is None:
            return frozenset()
        stated = _bundle_decoder.decode((self.folder / last.digest / "bundle.json").read_bytes())
        return frozenset(feature.name for feature in stated.features)

    def _file(self, model: str) -> Path:
        return self.folder / f"{model}.json"


class _Feature(msgspec.Struct):
    name: str


class _Bundle(msgspec.Struct):
    features: list[_Feature]


_bundle_decoder = msgspec.json.Decoder(_Bundle)
_decoder = msgspec.json.Decoder(dict[str, LastVersion])
