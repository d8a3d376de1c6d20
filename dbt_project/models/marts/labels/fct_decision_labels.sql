-- whichever event is a conversion, the model stands in one place of the graph
-- depends_on: {{ ref('fct_popup_impressions') }}
-- depends_on: {{ ref('fct_session_activity') }}
{%- set event = var('conversion_event') %}
{%- set is_popup_event = event.startswith('popup_') %}

with

events as (
    select *
    from {{ ref('int_events_sessionized') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
),

-- only a visitor who is shown a pop-up can act on it; any other event can follow every moment of a session
moments as (
    {%- if is_popup_event %}
    select session_key, user_pseudo_id, session_date, shown_at as decision_at, policy, propensity
    from {{ ref('fct_popup_impressions') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
    {%- else %}
    select session_key, user_pseudo_id, session_date, feature_at as decision_at, cast(null as string) as policy, cast(null as float64) as propensity
    from {{ ref('fct_session_activity') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
        -- an exit is known in hindsight alone, and nothing follows it
        and mod(activity_index, 2) = 0
    {%- endif %}
),

conversions as (
    select session_key, min(event_at) as first_converted_at, max(event_at) as last_converted_at
    from events
    where event_name = '{{ event }}'
    group by session_key
),

labelled as (
    select
        moments.*,
        coalesce(conversions.last_converted_at > moments.decision_at, false) as converts
    from moments
    left join conversions on moments.session_key = conversions.session_key
    where {{ 'true' if is_popup_event else 'conversions.first_converted_at is null or conversions.first_converted_at > moments.decision_at' }}
)

select session_key, user_pseudo_id, session_date, decision_at, policy, propensity, converts from labelled
