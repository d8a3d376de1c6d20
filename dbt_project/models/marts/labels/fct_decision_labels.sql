-- whichever event is a conversion, the model stands in one place of the graph
-- depends_on: {{ ref('fct_popup_impressions') }}
-- depends_on: {{ ref('fct_session_activity') }}
{%- set event = var('conversion_event') %}
{%- set is_popup_event = event.startswith('popup_') %}
{#- Hours. -#}
{%- set horizon = 4 %}

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
    select session_key, event_at as converted_at
    from events
    where event_name = '{{ event }}'
),

-- the first conversion after each moment; a session that lasts longer than the horizon is a tab left open
answers as (
    select moments.session_key, moments.decision_at, min(conversions.converted_at) as converted_at
    from moments
    inner join conversions
        on moments.session_key = conversions.session_key
        and conversions.converted_at > moments.decision_at
        and conversions.converted_at <= {{ hours_after('moments.decision_at', horizon) }}
    group by moments.session_key, moments.decision_at
),

labelled as (
    select
        moments.*,
        answers.converted_at is not null as converts,
        coalesce(answers.converted_at, {{ hours_after('moments.decision_at', horizon) }}) as settled_at
    from moments
    left join answers on moments.session_key = answers.session_key and moments.decision_at = answers.decision_at
    {%- if not is_popup_event %}
    left join (select session_key, min(converted_at) as first_at from conversions group by session_key) as converted
        on moments.session_key = converted.session_key
    where converted.first_at is null or converted.first_at > moments.decision_at
    {%- endif %}
)

select session_key, user_pseudo_id, session_date, decision_at, policy, propensity, converts, settled_at from labelled
