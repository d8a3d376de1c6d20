with

-- what is told later in a session was not known when it began
first_events as (
    select *
    from {{ ref('int_events_sessionized') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
        and event_at = session_started_at
        and is_bot is not true
),

sessions as (
    select
        session_key,
        any_value(user_pseudo_id) as user_pseudo_id,
        any_value(session_date) as session_date,
        any_value(session_started_at) as feature_at,
        max({{ heard_at() }}) as known_at,
        min(device_category) as device_category,
        min(operating_system) as operating_system,
        min(browser) as browser,
        min(country) as country,
        min(region) as region,
        min(city) as city,
        min(coalesce(session_source, user_source)) as source,
        min(coalesce(session_medium, user_medium)) as medium,
        cast(max(ga_session_number) as int64) as session_number
    from first_events
    group by session_key
)

select
    session_key,
    user_pseudo_id,
    session_date,
    feature_at,
    known_at,
    device_category,
    operating_system,
    browser,
    country,
    region,
    city,
    {{ channel('source', 'medium') }} as channel,
    {{ day_of_week('feature_at') }} as day_of_week,
    {{ hour_of_day('feature_at') }} as hour_of_day,
    session_number
from sessions
