{%- set horizon = 30 %}

with

{{ decided_user_days(horizon) }},

sessions as (
    select user_pseudo_id, started_at
    from {{ ref('fct_sessions') }}
    where {{ any_day('session_date') }}
        and is_bot is not true
),

-- a user's days of one week differ little; the first of them is known without looking ahead
weeks as (
    select
        *,
        row_number() over (
            -- a Monday; GoogleSQL has no windows over fractions
            partition by user_pseudo_id, cast(floor({{ days_between("date '1970-01-05'", 'event_date') }} / 7) as int64)
            order by event_date
        ) as day_in_week
    from decided
),

labelled as (
    select
        weeks.user_pseudo_id,
        weeks.event_date,
        weeks.decision_at,
        count(sessions.started_at) = 0 as will_churn_30d,
        coalesce(min(sessions.started_at), {{ hours_after('weeks.decision_at', horizon * 24) }}) as settled_at
    from weeks
    left join sessions
        on weeks.user_pseudo_id = sessions.user_pseudo_id
        and sessions.started_at > weeks.decision_at
        and sessions.started_at <= {{ hours_after('weeks.decision_at', horizon * 24) }}
    where weeks.day_in_week = 1
    group by weeks.user_pseudo_id, weeks.event_date, weeks.decision_at
)

select * from labelled
