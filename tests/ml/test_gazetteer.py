import pytest

from ml import gazetteer
from ml.gazetteer import City, Place
from simulator.places import COUNTRIES, UNKNOWN


@pytest.mark.parametrize(
    ("country", "continent"),
    [
        ("Poland", "Europe"),
        ("United States", "North America"),
        ("Brazil", "South America"),
        ("Türkiye", "Asia"),
        ("Turkey", "Asia"),
        ("Czechia", "Europe"),
        ("Netherlands", "Europe"),
        ("The Bahamas", "North America"),
        ("Côte d\u2019Ivoire", "Africa"),
        ("Congo - Kinshasa", "Africa"),
        ("Myanmar (Burma)", "Asia"),
        ("Bosnia & Herzegovina", "Europe"),
        ("Trinidad & Tobago", "North America"),
        ("St. Vincent & Grenadines", "North America"),
        ("Réunion", "Africa"),
        ("Hong Kong", "Asia"),
        ("Palestine", "Asia"),
        ("Vatican City", "Europe"),
        ("(not set)", None),
        ("", None),
        ("Atlantis", None),
    ],
)
def test_a_country_has_its_continent_by_the_name_that_ga4_gives_it(country: str, continent: str | None) -> None:
    assert gazetteer.continent(country) == continent


FOUND = {
    Place("Warsaw", "Poland"): City("PL", "78", 1_702_139),
    Place("Łódź", "Poland"): City("PL", "74", 639_890),
    Place("Lodz", "Poland"): City("PL", "74", 639_890),
    Place("İstanbul", "Türkiye"): City("TR", "34", 15_701_602),
    Place("Sao Paulo", "Brazil"): City("BR", "27", 12_400_232),
    Place("New York", "United States"): City("US", "NY", 8_804_190),
    Place("Tel Aviv-Yafo", "Israel"): City("IL", "05", 432_892),
    # one name in two countries
    Place("London", "United Kingdom"): City("GB", "ENG", 8_961_989),
    Place("London", "Canada"): City("CA", "08", 422_324),
    # one name twice in a country: the larger one
    Place("Columbus", "United States"): City("US", "OH", 913_175),
}
UNFOUND = [
    Place("(not set)", "Poland"),
    Place("", "Poland"),
    Place("Atlantis", "Poland"),
    Place("Warsaw", "(not set)"),
    Place("Warsaw", "Spain"),
]


def test_cities_are_found_by_name_and_country_and_no_others_are() -> None:
    assert gazetteer.find([*FOUND, *UNFOUND]) == FOUND


def test_every_city_of_the_simulated_shop_is_found() -> None:
    places = [Place(city, country.name) for country in COUNTRIES for _, city in country.regions if city != UNKNOWN]
    assert set(gazetteer.find(places)) == set(places)
