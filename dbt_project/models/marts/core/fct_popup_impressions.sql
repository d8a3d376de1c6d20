with

popup_events as (
    select *
    from {{ ref('int_events_sessionized') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
        and starts_with(event_name, 'popup_')
),

impressions as (
    select
        coalesce(decision_id, session_key) as impression_key,
        -- not any_value(): a null counts as a value on BigQuery, and not every event of a pop-up tells all
        max(decision_id) as decision_id,
        min(session_key) as session_key,
        min(user_pseudo_id) as user_pseudo_id,
        min(session_date) as session_date,
        max(policy) as policy,
        max(propensity) as propensity,
        min(case when event_name = 'popup_view' then event_at end) as shown_at,
        min(case when event_name = 'popup_close' then event_at end) as closed_at,
        min(case when event_name = 'popup_submit' then event_at end) as submitted_at
    from popup_events
    group by coalesce(decision_id, session_key)
)

select * from impressions where shown_at is not null
