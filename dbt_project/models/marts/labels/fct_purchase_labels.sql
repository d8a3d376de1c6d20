{%- set horizon = 7 %}

with

-- every day, not only those being built: a new day decides the labels of the seven before it
user_days as (
    select user_pseudo_id, event_date from {{ ref('int_user_days') }} where {{ any_day('event_date') }}
),

purchases as (
    select user_pseudo_id, purchased_at from {{ ref('fct_purchases') }} where {{ any_day('session_date') }}
),

known as (
    select {{ day_begins_at(days_after('max(event_date)', 1)) }} as until_at from user_days
),

moments as (
    select
        user_pseudo_id,
        event_date,
        {{ hours_after(day_begins_at(days_after('event_date', 1)), var('export_delay_hours')) }} as decision_at
    from user_days
),

decided as (
    select moments.*
    from moments
    cross join known
    where {{ hours_after('moments.decision_at', horizon * 24) }} <= known.until_at
),

labelled as (
    select
        decided.user_pseudo_id,
        decided.event_date,
        decided.decision_at,
        count(purchases.purchased_at) > 0 as will_purchase_7d,
        coalesce(min(purchases.purchased_at), {{ hours_after('decided.decision_at', horizon * 24) }}) as settled_at
    from decided
    left join purchases
        on decided.user_pseudo_id = purchases.user_pseudo_id
        and purchases.purchased_at > decided.decision_at
        and purchases.purchased_at <= {{ hours_after('decided.decision_at', horizon * 24) }}
    group by decided.user_pseudo_id, decided.event_date, decided.decision_at
)

select * from labelled
