"""Places recoded into what a model can learn from: a city's population and region, a country's continent.

A recoding holds the places that its training rows held and the gazetteer knows; any other one is missing. Recoding a
row is a look-up: only fitting asks the gazetteer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Protocol, Self

from feature_repo.contract import PlaceKind

ABROAD, MISSING = "Abroad", "Missing"


class Columns(Protocol):
    """Values by the name of their column: a table, or a mapping to sequences."""

    def __getitem__(self, name: str, /) -> Any: ...
    def __contains__(self, name: object, /) -> bool: ...


class Located(Protocol):
    """A column that may hold places of a kind."""

    @property
    def name(self) -> str: ...
    @property
    def place(self) -> PlaceKind | None: ...


@dataclass(frozen=True)
class Cities:
    """The cities of `column`, by their country in the column `country` and their name: inhabitants and region.

    Regions are told apart within the country that most rows have; cities elsewhere are `Abroad`. A missing city has
    the region `Missing` and the median population of the rows whose city is known.
    """

    column: str
    country: str
    known: Mapping[str, Mapping[str, tuple[int, str]]]
    median_population: float | None

    @classmethod
    def fit(cls, column: str, country: str, columns: Columns) -> Self:
        """The cities of the rows of `columns`."""
        from ml import gazetteer

        lands = Counter(_texts(columns[country]))
        home = min(lands, key=lambda land: (-lands[land], land), default=None)
        rows = Counter(
            gazetteer.Place(city, land)
            for city, land in zip(columns[column], columns[country], strict=True)
            if isinstance(city, str) and isinstance(land, str)
        )
        known: dict[str, dict[str, tuple[int, str]]] = {}
        populations: list[int] = []
        for place, city in gazetteer.find(rows).items():
            region = ABROAD if place.country != home else city.region or MISSING
            known.setdefault(place.country, {})[place.city] = (city.population, region)
            populations += [city.population] * rows[place]
        return cls(column, country, known, float(median(populations)) if populations else None)

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return self.column, self.country

    @property
    def made(self) -> Mapping[str, str]:
        """The columns that take the place of `column`, with their types."""
        return {f"{self.column}_population": "float64", f"{self.column}_region": "string"}

    def recode(self, columns: Columns) -> dict[str, Sequence[Any]]:
        """Those columns, a value a row of `columns`."""
        elsewhere: Mapping[str, tuple[int, str]] = {}
        missing = (self.median_population, MISSING)
        found = [
            self.known.get(land, elsewhere).get(city, missing)
            for city, land in zip(columns[self.column], columns[self.country], strict=True)
        ]
        values = ([population for population, _ in found], [region for _, region in found])
        return dict(zip(self.made, values, strict=True))


@dataclass(frozen=True)
class Countries:
    """The countries of `column`, with their continents."""

    column: str
    known: Mapping[str, str]

    @classmethod
    def fit(cls, column: str, columns: Columns) -> Self:
        """The countries of the rows of `columns`."""
        from ml import gazetteer

        found = {land: gazetteer.continent(land) for land in sorted(set(_texts(columns[column])))}
        return cls(column, {land: continent for land, continent in found.items() if continent is not None})

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return (self.column,)

    @property
    def made(self) -> Mapping[str, str]:
        """The columns that take the place of `column`, itself the first, with their types."""
        return {self.column: "string", f"{self.column}_continent": "string"}

    def recode(self, columns: Columns) -> dict[str, Sequence[Any]]:
        """Those columns, a value a row of `columns`."""
        values = (columns[self.column], [self.known.get(land) for land in columns[self.column]])
        return dict(zip(self.made, values, strict=True))


Recoding = Cities | Countries


def fit(features: Sequence[Located], columns: Columns) -> dict[str, Recoding]:
    """The recodings that `columns` teach, by the column recoded; a city is one only beside its country."""
    lands = [feature.name for feature in features if feature.place == "country"]
    recodings: dict[str, Recoding] = {name: Countries.fit(name, columns) for name in lands}
    for feature in features:
        if feature.place == "city" and lands:
            recodings[feature.name] = Cities.fit(feature.name, lands[0], columns)
    return recodings


def stated(recoding: Recoding) -> dict[str, Any]:
    """A recoding as JSON values."""
    return {"kind": "city" if isinstance(recoding, Cities) else "country", **asdict(recoding)}


def of(values: Mapping[str, Any]) -> Recoding:
    """The recoding that JSON values state."""
    fields = {name: value for name, value in values.items() if name != "kind"}
    return Cities(**fields) if values["kind"] == "city" else Countries(**fields)


def _texts(values: Iterable[Any]) -> Iterable[str]:
    return (value for value in values if isinstance(value, str))
