"""Where visitors are: countries with their share of sessions, and regions and cities within."""

from typing import NamedTuple

UNKNOWN = "(not set)"
UNKNOWN_CITY_SHARE = 0.35


class Country(NamedTuple):
    """`share` is in percent of sessions; `intent` and `price_sensitivity` shift its visitors' latent state."""

    name: str
    continent: str
    sub_continent: str
    language: str
    share: float
    intent: float
    price_sensitivity: float
    regions: tuple[tuple[str, str], ...]


class Place(NamedTuple):
    """A city, or a region of which the city is not known; `share` is in percent of sessions."""

    country: Country
    region: str
    city: str
    share: float


COUNTRIES = (
    Country("United States", "Americas", "Northern America", "en-us", 43.9, 0.25, -0.1, (
        ("California", "Los Angeles"), ("California", "San Jose"), ("New York", "New York"), ("Texas", "Austin"),
        ("Washington", "Seattle"), ("Illinois", "Chicago"), ("Massachusetts", "Boston"), ("Florida", "Miami"),
        ("Virginia", "Ashburn"), ("Georgia", "Atlanta"), ("Pennsylvania", "Philadelphia"), ("Ohio", "Columbus"))),
    Country("India", "Asia", "Southern Asia", "en-gb", 9.4, -0.5, 0.5, (
        ("Maharashtra", "Mumbai"), ("Karnataka", "Bengaluru"), ("Telangana", "Hyderabad"), ("Delhi", "Delhi"))),
    Country("Canada", "Americas", "Northern America", "en-ca", 7.4, 0.15, 0.0, (
        ("Ontario", "Toronto"), ("British Columbia", "Vancouver"), ("Quebec", "Montreal"))),
    Country("United Kingdom", "Europe", "Northern Europe", "en-gb", 3.1, 0.1, 0.0, (
        ("England", "London"), ("England", "Manchester"), ("Scotland", "Edinburgh"))),
    Country("France", "Europe", "Western Europe", "fr", 2.0, -0.1, 0.2, (("Ile-de-France", "Paris"),)),
    Country("Spain", "Europe", "Southern Europe", "es-es", 1.9, -0.2, 0.3, (
        ("Community of Madrid", "Madrid"), ("Catalonia", "Barcelona"))),
    Country("Germany", "Europe", "Western Europe", "de", 1.8, 0.0, 0.1, (
        ("Berlin", "Berlin"), ("Bavaria", "Munich"))),
    Country("China", "Asia", "Eastern Asia", "zh", 1.7, -0.4, 0.4, (("Shanghai", "Shanghai"), ("Beijing", "Beijing"))),
    Country("Taiwan", "Asia", "Eastern Asia", "zh-tw", 1.7, -0.2, 0.2, (("Taipei City", "Taipei"),)),
    Country("Italy", "Europe", "Southern Europe", "it", 1.4, -0.2, 0.4, (("Lombardy", "Milan"), ("Lazio", "Rome"))),
    Country("Japan", "Asia", "Eastern Asia", "ja", 1.4, 0.0, 0.0, (("Tokyo", "Tokyo"),)),
    Country("Turkey", "Asia", "Western Asia", "tr", 1.3, -0.4, 0.8, (("Istanbul", "Istanbul"),)),
    Country("South Korea", "Asia", "Eastern Asia", "ko", 1.3, -0.1, 0.0, (("Seoul", "Seoul"),)),
    Country("Brazil", "Americas", "South America", "pt-br", 1.3, -0.4, 0.8, (("State of Sao Paulo", "Sao Paulo"),)),
    Country("Singapore", "Asia", "Southeast Asia", "en-us", 1.3, 0.1, 0.0, ((UNKNOWN, "Singapore"),)),
    Country("Mexico", "Americas", "Central America", "es-419", 1.3, -0.3, 0.6, (("Mexico City", "Mexico City"),)),
    Country("Netherlands", "Europe", "Western Europe", "nl", 1.3, 0.1, 0.0, (("North Holland", "Amsterdam"),)),
    Country("Australia", "Oceania", "Australasia", "en-au", 1.3, 0.1, 0.0, (
        ("New South Wales", "Sydney"), ("Victoria", "Melbourne"))),
    Country("Israel", "Asia", "Western Asia", "he", 1.2, 0.0, 0.2, (("Tel Aviv District", "Tel Aviv-Yafo"),)),
    Country("Hong Kong", "Asia", "Eastern Asia", "zh-hk", 1.2, 0.0, 0.0, ((UNKNOWN, UNKNOWN),)),
    Country("Poland", "Europe", "Eastern Europe", "pl", 1.2, -0.1, 0.2, (
        ("Masovian Voivodeship", "Warsaw"), ("Lesser Poland Voivodeship", "Krakow"))),
    Country("Indonesia", "Asia", "Southeast Asia", "id", 1.2, -0.4, 0.8, (("Jakarta", "Jakarta"),)),
    Country("Greece", "Europe", "Southern Europe", "el", 1.1, -0.1, 0.4, (("Attica", "Athens"),)),
    Country("Belgium", "Europe", "Western Europe", "nl", 1.1, 0.0, 0.2, (("Brussels", "Brussels"),)),
    Country("Sweden", "Europe", "Northern Europe", "sv-se", 1.1, 0.1, 0.0, (("Stockholm County", "Stockholm"),)),
    Country("Colombia", "Americas", "South America", "es-419", 1.1, -0.3, 0.6, (("Bogota", "Bogota"),)),
    Country("Ireland", "Europe", "Northern Europe", "en-ie", 1.1, 0.1, 0.0, (("County Dublin", "Dublin"),)),
    Country("Thailand", "Asia", "Southeast Asia", "th", 1.1, -0.2, 0.4, (("Bangkok", "Bangkok"),)),
    Country("Austria", "Europe", "Western Europe", "de", 1.0, 0.0, 0.0, (("Vienna", "Vienna"),)),
    Country(UNKNOWN, UNKNOWN, UNKNOWN, "en-us", 0.8, -0.2, 0.0, ((UNKNOWN, UNKNOWN),)),
)  # fmt: skip


def _places() -> tuple[Place, ...]:
    return tuple(
        Place(country, region, city, country.share / len(country.regions) * share)
        for country in COUNTRIES
        for region, known_city in country.regions
        for city, share in ((known_city, 1 - UNKNOWN_CITY_SHARE), (UNKNOWN, UNKNOWN_CITY_SHARE))
    )


PLACES = _places()
