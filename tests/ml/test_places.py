import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.contract import Column
from ml.datasets import split_by_missing
from ml.encoding import Encoding

CITY = Column("town", "string", "", True, place="city")
COUNTRY = Column("land", "string", "", True, place="country")

# Warsaw twice and Łódź at home, Berlin and two missing ones abroad and at home: the median of 4 known rows
TRAINED = {
    "town": ["Warsaw", "Warsaw", "Łódź", "Berlin", None, "Atlantis"],
    "land": ["Poland", "Poland", "Poland", "Germany", "Germany", "Poland"],
}
MEDIAN = 1_702_139.0


@pytest.fixture(scope="module")
def encoding() -> Encoding:
    return Encoding.fit([CITY, COUNTRY], TRAINED, min_rows=1)


def recoded(encoding: Encoding, town: str | None, land: str | None) -> tuple[float, str, str | None]:
    values = encoding.recode({"town": [town], "land": [land]})
    return values["town_population"][0], values["town_region"][0], values["land_continent"][0]


@pytest.mark.parametrize(
    ("town", "land", "expected"),
    [
        ("Warsaw", "Poland", (1_702_139, "78", "Europe")),
        ("Łódź", "Poland", (639_890, "74", "Europe")),
        ("Berlin", "Germany", (3_426_354, "Abroad", "Europe")),
        (None, "Poland", (MEDIAN, "Missing", "Europe")),
        ("(not set)", "Poland", (MEDIAN, "Missing", "Europe")),
        ("Atlantis", "Poland", (MEDIAN, "Missing", "Europe")),
        # GeoNames knows these; training did not see them
        ("Kraków", "Poland", (MEDIAN, "Missing", "Europe")),
        ("Madrid", "Spain", (MEDIAN, "Missing", None)),
        ("Warsaw", "Germany", (MEDIAN, "Missing", "Europe")),
        ("Warsaw", None, (MEDIAN, "Missing", None)),
        (None, None, (MEDIAN, "Missing", None)),
    ],
)
def test_places_are_recoded_as_training_saw_them(
    encoding: Encoding, town: str | None, land: str | None, expected: tuple[float, str, str | None]
) -> None:
    assert recoded(encoding, town, land) == expected


def test_what_recoding_makes_takes_the_place_of_the_city_and_stands_beside_the_country(encoding: Encoding) -> None:
    assert encoding.names == (
        "town_population",
        "town_region=74",
        "town_region=78",
        "town_region=Abroad",
        "town_region=Missing",
        "land=Germany",
        "land=Poland",
        "land_continent=Europe",
    )
    assert encoding.sources == {
        "town_population": "town",
        "town_region": "town",
        "land": "land",
        "land_continent": "land",
    }


def test_a_row_is_encoded_with_its_place(encoding: Encoding) -> None:
    matrix = encoding.transform({"town": ["Łódź"], "land": ["Poland"]})
    np.testing.assert_array_equal(matrix, np.array([[639_890, 1, 0, 0, 0, 0, 1, 1]], dtype=np.float32))


def test_an_absent_country_is_never_read_as_null(encoding: Encoding) -> None:
    with pytest.raises(KeyError, match="land"):
        encoding.transform({"town": ["Warsaw"]})


def test_a_city_without_a_column_of_countries_is_a_text_like_any_other() -> None:
    assert Encoding.fit([CITY], TRAINED, min_rows=2).names == ("town=Warsaw",)


def test_without_a_known_city_the_population_is_missing() -> None:
    encoding = Encoding.fit([CITY, COUNTRY], {"town": [None], "land": ["Poland"]}, min_rows=1)
    assert math.isnan(encoding.transform({"town": ["Warsaw"], "land": ["Poland"]})[0, 0])
    assert json.loads(json.dumps(encoding.stated(), allow_nan=False))


TEXTS = st.sampled_from([None, "Warsaw", "Berlin", "Kraków", "(not set)", "", "Atlantis", "Poland", "Germany"])


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_an_encoding_read_back_from_json_encodes_alike(
    encoding: Encoding, rows: Sequence[tuple[str | None, str | None]]
) -> None:
    again = Encoding.of(json.loads(json.dumps(encoding.stated(), allow_nan=False)))
    columns = {"town": [town for town, _ in rows], "land": [land for _, land in rows]}
    np.testing.assert_array_equal(again.transform(columns), encoding.transform(columns))
    assert again.names == encoding.names


def test_a_place_that_is_often_missing_is_kept_and_one_that_always_is_left_out() -> None:
    import pandas as pd

    frame = pd.DataFrame({"town": [None] * 9 + ["Warsaw"], "land": [None] * 10})
    kept, left_out = split_by_missing([CITY, COUNTRY], frame, 0.1)
    assert kept == (CITY,)
    assert left_out == {"land": 1.0}
