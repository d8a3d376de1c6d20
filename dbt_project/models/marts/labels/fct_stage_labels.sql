{%- set horizon = 7 %}
{#- How far along the journey an event is; any other one says that its user was back. -#}
{%- set steps = {'view_item': 1, 'add_to_cart': 2, 'begin_checkout': 3, 'purchase': 4} %}
{%- set stages = ['dreamer', 'browser', 'comparer', 'ready', 'owner'] %}

with

{{ decided_user_days(horizon) }},

events as (
    select
        user_pseudo_id,
        event_date,
        event_at,
        event_key,
        case event_name
            {%- for event, step in steps.items() %}
            when '{{ event }}' then {{ step }}
            {%- endfor %}
            else 0
        end as step,
        case when event_name = 'popup_survey' then survey_answer end as survey_answer
    from {{ ref('int_events_sessionized') }}
    where {{ any_day('session_date') }}
        and is_bot is not true
        and not is_repeated_purchase
),

-- who is not back shows no stage
followed as (
    select
        decided.user_pseudo_id,
        decided.event_date,
        decided.decision_at,
        max(events.step) as deepest_step,
        -- a purchase settles both definitions, and nothing else does before the window ends
        coalesce(
            min(case when events.step = 4 then events.event_at end),
            {{ hours_after('decided.decision_at', horizon * 24) }}
        ) as settled_at,
        min(case when events.step >= 2 then events.event_at end) as wanted_at
    from decided
    inner join events
        on decided.user_pseudo_id = events.user_pseudo_id
        and events.event_at > decided.decision_at
        and events.event_at <= {{ hours_after('decided.decision_at', horizon * 24) }}
    group by decided.user_pseudo_id, decided.event_date, decided.decision_at
),

-- the last answer of the day is the nearest to its moment
answers as (
    select user_pseudo_id, event_date, survey_answer
    from events
    where survey_answer in ('{{ stages | join("', '") }}')
    qualify row_number() over (partition by user_pseudo_id, event_date order by event_at desc, event_key) = 1
),

labelled as (
    select
        followed.user_pseudo_id,
        followed.event_date,
        followed.decision_at,
        followed.settled_at,
        case followed.deepest_step
            {%- for stage in stages %}
            when {{ loop.index0 }} then '{{ stage }}'
            {%- endfor %}
        end as stage_by_depth,
        case
            when followed.wanted_at <= {{ hours_after('followed.decision_at', 24) }} then 'ready'
            when followed.wanted_at <= {{ hours_after('followed.decision_at', 3 * 24) }} then 'comparer'
            when followed.wanted_at is not null then 'browser'
            else 'dreamer'
        end as stage_by_time,
        answers.survey_answer
    from followed
    left join answers
        on followed.user_pseudo_id = answers.user_pseudo_id
        and followed.event_date = answers.event_date
)

select * from labelled
