{%- set ruled = model.columns.values() | selectattr('config.meta.rule', 'defined') | list %}

with

acts as (
    select *
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
        max({{ heard_at() }}) over (
            partition by session_key order by event_timestamp range between unbounded preceding and current row
        ) as known_at
        {%- for column in ruled %},
        {{ activity(column.config.meta.rule) }} as {{ column.name }}
        {%- endfor %}
    from acts
),

-- a moment is an instant: acts that share its microsecond have all happened
moments as (
    select *
    from accumulated
    where mod(activity_index, 2) = 0 or activity_index = last_index
    qualify row_number() over (partition by session_key, event_timestamp order by activity_index desc) = 1
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
