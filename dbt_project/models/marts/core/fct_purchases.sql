with

purchase_events as (
    select *
    from {{ ref('int_events_sessionized') }}
    where event_name = 'purchase'
        and session_date between {{ first_day() }} and {{ last_day() }}
),

-- a page that is loaded again repeats its purchase: the first one counts
purchases as (
    select
        coalesce(concat(user_pseudo_id, '.', transaction_id), event_key) as purchase_key,
        transaction_id,
        user_pseudo_id,
        session_key,
        session_date,
        event_at as purchased_at,
        revenue_usd
    from purchase_events
    where true
    qualify row_number() over (
        partition by session_date, coalesce(concat(user_pseudo_id, '.', transaction_id), event_key)
        order by event_timestamp, event_key
    ) = 1
)

select * from purchases
