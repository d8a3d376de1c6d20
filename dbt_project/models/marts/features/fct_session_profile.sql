with

sessions as (
    select *
    from {{ ref('fct_sessions') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
)

select
    session_key,
    user_pseudo_id,
    session_date,
    started_at as feature_at,
    started_at as known_at,
    device_category,
    operating_system,
    browser,
    continent,
    country,
    region,
    channel,
    {{ day_of_week('started_at') }} as day_of_week,
    {{ hour_of_day('started_at') }} as hour_of_day,
    ga_session_number as session_number
from sessions
