with

popup_events as (
    select *
    from {{ ref('int_events_sessionized') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
        and event_name like 'popup!_%' escape '!'
),

impressions as (
    select
        coalesce(decision_id, session_key) as impression_key,
        any_value(decision_id) as decision_id,
        any_value(session_key) as session_key,
        any_value(user_pseudo_id) as user_pseudo_id,
        any_value(session_date) as session_date,
        any_value(policy) as policy,
        any_value(propensity) as propensity,
        min(case when event_name = 'popup_view' then event_at end) as shown_at,
        min(case when event_name = 'popup_close' then event_at end) as closed_at,
        min(case when event_name = 'popup_submit' then event_at end) as submitted_at
    from popup_events
    group by coalesce(decision_id, session_key)
)

select * from impressions where shown_at is not null
