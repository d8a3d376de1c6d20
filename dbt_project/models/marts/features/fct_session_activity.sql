{%- set ruled = model.columns.values() | selectattr('config.meta.rule', 'defined') | list %}

with

acts as (
    -- by name, since a window carries along what it is given
    select
        session_key,
        user_pseudo_id,
        session_date,
        event_date,
        event_timestamp,
        event_at,
        known_at,
        activity_index,
        event_name
    from {{ ref('int_events_sessionized') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
        and activity_index is not null
        and is_bot is not true
),

accumulated as (
    select
        session_key,
        user_pseudo_id,
        session_date,
        event_timestamp,
        event_at,
        activity_index,
        max(activity_index) over (partition by session_key) as last_index,
        max(event_timestamp) over (partition by session_key) as last_timestamp,
        max(case when mod(activity_index, 2) = 0 then activity_index end) over (
            partition by session_key order by event_timestamp range between current row and current row
        ) as last_even_index_now,
        max({{ heard_at() }}) over (
            partition by session_key order by event_timestamp range between unbounded preceding and current row
        ) as known_at
        {%- for column in ruled %},
        {{ activity(column.config.meta.rule) }} as {{ column.name }}
        {%- endfor %}
    from acts
),

-- a moment is an instant: of acts that share its microsecond, all of which have happened, the last one tells
moments as (
    select *
    from accumulated
    where activity_index = last_index
        or (activity_index = last_even_index_now and event_timestamp < last_timestamp)
)

select
    session_key,
    user_pseudo_id,
    session_date,
    event_at as feature_at,
    known_at,
    activity_index,
    activity_index = last_index as is_exit
    {%- for column in ruled %},
    {{ column.name }}
    {%- endfor %}
from moments
