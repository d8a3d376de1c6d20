import json
from pathlib import Path
from typing import Any

import pytest

from feature_repo import contract
from feature_repo.contract import ActivityRule, ContractError

META = {
    "entity": "session",
    "view": "session_activity",
    "join_key": "session_key",
    "key": ["session_key"],
    "day": "session_date",
    "ttl_days": 2,
    "online": False,
}


def _column(name: str, data_type: str, *constraints: str, **meta: Any) -> dict[str, Any]:
    return {
        "name": name,
        "data_type": data_type,
        "description": "",
        "constraints": [{"type": constraint} for constraint in constraints],
        "config": {"meta": meta},
    }


def _manifest(folder: Path, *columns: dict[str, Any], enforced: bool = True, meta: dict[str, Any] = META) -> Path:
    node = {
        "resource_type": "model",
        "name": "fct_session_activity",
        "description": "One row per moment.",
        "config": {"meta": meta, "contract": {"enforced": enforced}},
        "columns": {column["name"]: column for column in columns},
    }
    file = folder / "manifest.json"
    file.write_text(json.dumps({"nodes": {"model.tactful.fct_session_activity": node}}))
    return file


def test_a_column_is_read_with_all_that_its_contract_states(tmp_path: Path) -> None:
    rule = {"event": "add_to_cart", "aggregation": "count"}
    stated = {"min": 0, "max": 9, "models": ["popup"], "rule": rule, "at_most": "acts", "theme": "cart"}
    stated |= {"place": "city", "subgroup": "town"}
    column = _column("carts", "int64", "not_null", **stated)

    (table,) = contract.load(_manifest(tmp_path, _column("session_key", "string"), column))

    (carts,) = table.features
    assert (carts.is_nullable, carts.minimum, carts.maximum) == (False, 0, 9)
    assert (carts.at_most, carts.theme) == ("acts", "cart")
    assert (carts.place, carts.subgroup) == ("city", "town")
    assert carts.rule == ActivityRule("add_to_cart", "count")
    assert table.features_of("popup") == (carts,)
    assert table.features_of("other") == ()


def test_the_checksum_changes_with_what_is_stated(tmp_path: Path) -> None:
    (before,) = contract.load(_manifest(tmp_path, _column("carts", "int64", models=["popup"])))
    (after,) = contract.load(_manifest(tmp_path, _column("carts", "float64", models=["popup"])))

    assert before.checksum != after.checksum


def test_an_unknown_type_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"Column fct_session_activity\.price has type 'numeric'; use one of"):
        contract.load(_manifest(tmp_path, _column("price", "numeric")))


def test_an_unknown_aggregation_is_refused_by_name(tmp_path: Path) -> None:
    column = _column("carts", "int64", rule={"event": "add_to_cart", "aggregation": "median"})

    with pytest.raises(ContractError, match="carts has aggregation 'median'"):
        contract.load(_manifest(tmp_path, column))


def test_an_unknown_kind_of_place_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="home has place 'village'; use one of"):
        contract.load(_manifest(tmp_path, _column("home", "string", place="village")))


def test_a_contract_that_is_not_enforced_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"must set `contract: \{enforced: true\}`"):
        contract.load(_manifest(tmp_path, enforced=False))


def test_a_missing_word_of_meta_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="'fct_session_activity' lacks 'ttl_days' in its `meta`"):
        contract.load(_manifest(tmp_path, meta={key: value for key, value in META.items() if key != "ttl_days"}))


def test_a_missing_manifest_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="run `dbt parse`"):
        contract.load(tmp_path / "manifest.json")


def test_the_pop_up_model_reads_case_study_000_s_predictors(manifest: Path) -> None:
    """17 indicators of what a session has done and 10 columns of its profile: with the target, 28 columns."""
    rules = {table.view: table.features_of("popup_behaviour") for table in contract.load(manifest)}
    indicators = [c for c in rules["session_activity"] if c.rule and c.rule.aggregation == "occurred"]
    assert (len(indicators), len(rules["session_profile"])) == (17, 10)
