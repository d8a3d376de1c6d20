with

purchases as (
    select
        -- concat() of a null is null on BigQuery and is not on DuckDB
        case when transaction_id is null then event_key else concat(user_pseudo_id, '.', transaction_id) end as purchase_key,
        transaction_id,
        user_pseudo_id,
        session_key,
        session_date,
        event_at as purchased_at,
        revenue_usd
    from {{ ref('int_events_sessionized') }}
    where event_name = 'purchase'
        and not is_repeated_purchase
        and session_date between {{ first_day() }} and {{ last_day() }}
)

select * from purchases
