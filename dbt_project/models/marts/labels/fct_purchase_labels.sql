{%- set horizon = 7 %}

with

{{ decided_user_days(horizon) }},

purchases as (
    select user_pseudo_id, purchased_at from {{ ref('fct_purchases') }} where {{ any_day('session_date') }}
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
