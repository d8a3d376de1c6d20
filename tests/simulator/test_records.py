from typing import Any, TypeAlias

import duckdb
import pytest

Rows: TypeAlias = duckdb.DuckDBPyConnection


def value(rows: Rows, query: str) -> Any:
    return rows.sql(query).fetchall()[0][0]


def test_a_session_id_is_the_second_in_which_the_session_began(rows: Rows) -> None:
    assert value(
        rows,
        """
        select bool_and(session_id = event_timestamp // 1000000)
        from rows where event_name = 'session_start' and session_id is not null
        """,
    )


def test_a_session_key_has_one_number_device_place_and_source(rows: Rows) -> None:
    wrong = value(
        rows,
        """
        select count(*) from (
            select 1 from rows where session_id is not null group by user_pseudo_id, session_id
            having count(distinct (session_number, device, geo, session_traffic_source_last_click)) > 1
        )
        """,
    )
    assert wrong == 0


def test_a_visitors_sessions_are_numbered_in_the_order_of_their_beginnings(rows: Rows) -> None:
    steps = rows.sql(
        """
        select distinct session_number - lag(session_number) over (partition by user_pseudo_id order by session_id)
        from (select distinct user_pseudo_id, session_id, session_number from rows where session_id is not null)
        """
    ).fetchall()
    assert set(steps) == {(None,), (1,)}


def test_a_first_visit_is_the_first_touch_that_the_user_id_names(rows: Rows) -> None:
    assert value(
        rows,
        """
        select bool_and(event_timestamp = user_first_touch_timestamp and session_number = 1
            and split_part(user_pseudo_id, '.', 2)::bigint = user_first_touch_timestamp // 1000000)
        from rows where event_name = 'first_visit' and user_pseudo_id is not null
        """,
    )


def test_cookieless_pings_carry_no_user_and_no_session(rows: Rows) -> None:
    assert value(
        rows,
        """
        select bool_and((user_pseudo_id is null) = (privacy_info.analytics_storage = 'No')
            and (user_pseudo_id is null) = (session_id is null)
            and (user_pseudo_id is not null or user_first_touch_timestamp is null))
        from rows
        """,
    )
    share = value(rows, "select avg((user_pseudo_id is null)::int) from rows where event_name = 'page_view'")
    assert share == pytest.approx(0.04, abs=0.015)


def test_rows_that_are_no_duplicates_differ_in_the_deduplication_key(rows: Rows) -> None:
    assert value(
        rows,
        """
        select count(distinct rows) = count(distinct (user_pseudo_id, event_name, event_timestamp,
            event_bundle_sequence_id, batch_page_id, batch_ordering_id, batch_event_index))
        from rows where user_pseudo_id is not null
        """,
    )


def test_session_engaged_is_mostly_text_and_sometimes_a_number(rows: Rows) -> None:
    texts = value(rows, "select avg((session_engaged.string_value in ('0', '1'))::int) from rows")
    numbers = value(rows, "select avg((session_engaged.int_value in (0, 1))::int) from rows")
    assert (texts, numbers) == (1, 1)
    assert 0.03 < value(rows, "select avg((session_engaged.int_value is not null)::int) from rows") < 0.12


def test_what_an_earlier_event_reports_does_not_tell_a_later_one(rows: Rows) -> None:
    assert value(rows, "select bool_and(items[1].quantity is null) from rows where event_name = 'view_item'")


def test_a_purchase_is_worth_its_items_less_the_coupon(rows: Rows) -> None:
    assert value(
        rows,
        """
        select bool_and(abs(ecommerce.purchase_revenue
            - list_sum([i.item_revenue for i in items]) * if(items[1].coupon = 'WELCOME10', 0.9, 1)) < 0.011)
        from rows where event_name = 'purchase'
        """,
    )


def test_item_events_list_between_one_and_twelve_items_or_a_whole_basket(rows: Rows) -> None:
    counts = rows.sql(
        "select distinct len(items) from rows where event_name in ('view_item', 'add_to_cart', 'select_item')"
    ).fetchall()
    assert {count for (count,) in counts} == {1, 12}


def test_each_impression_is_answered_once_under_the_same_decision(rows: Rows) -> None:
    wrong = value(
        rows,
        """
        select count(*) from (
            select decision_id, min(propensity) as propensity, min(policy) as policy,
                count(distinct event_timestamp) filter (event_name = 'popup_view') as shown,
                count(distinct event_timestamp) filter (event_name in ('popup_close', 'popup_submit')) as answered
            from rows where decision_id is not null group by decision_id
        )
        where shown != 1 or answered != 1 or propensity != 1.0 or policy != 'always_at_exit'
        """,
    )
    assert wrong == 0


def test_nothing_happens_while_the_pop_up_is_open(rows: Rows) -> None:
    wrong = value(
        rows,
        """
        with pop_ups as (
            select user_pseudo_id, session_id, min(event_timestamp) as opened, max(event_timestamp) as answered
            from rows where event_name in ('popup_view', 'popup_close', 'popup_submit') group by all
        )
        select count(*) from rows join pop_ups using (user_pseudo_id, session_id)
        where event_timestamp between opened and answered
            and event_name not like 'popup_%' and event_name != 'user_engagement'
        """,
    )
    assert wrong == 0


def test_some_visitors_stay_after_all(rows: Rows) -> None:
    stayed = value(
        rows,
        """
        with pop_ups as (
            select user_pseudo_id, session_id, max(event_timestamp) as answered
            from rows where event_name in ('popup_close', 'popup_submit') group by all
        )
        select avg((after > answered)::int) from pop_ups join (
            select user_pseudo_id, session_id, max(event_timestamp) as after
            from rows where event_name = 'page_view' group by all
        ) using (user_pseudo_id, session_id)
        """,
    )
    assert 0.01 < stayed < 0.4
