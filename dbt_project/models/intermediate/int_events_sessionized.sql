{#- Days; the same however many days a run builds. -#}
{%- set purchase_memory = 28 %}

with

-- a session that begins or ends on another day is read whole: one day each side
-- what follows sorts and groups events by these few columns; the others come to them at the end
events as (
    select
        event_date,
        event_key,
        user_pseudo_id,
        ga_session_id,
        event_name,
        event_at,
        event_timestamp,
        batch_page_id,
        batch_ordering_id,
        batch_event_index
    from {{ ref('stg_ga4__events') }}
    where user_pseudo_id is not null
        and has_consent is not false
        and event_date between {{ days_after(first_day(), -1) }} and {{ days_after(last_day(), 1) }}
),

-- a page that is loaded again repeats its purchase: the first one counts
purchases as (
    select
        event_date,
        event_key,
        event_timestamp - lag(event_timestamp) over (
            partition by user_pseudo_id, coalesce(transaction_id, event_key) order by event_timestamp, event_key
        ) as microseconds_since_purchase
    from {{ ref('stg_ga4__events') }}
    where user_pseudo_id is not null
        and has_consent is not false
        and event_name = 'purchase'
        -- one day more than purchases are remembered, for the night on which the clocks change
        and event_date between {{ days_after(first_day(), -(purchase_memory + 1)) }} and {{ days_after(last_day(), 1) }}
),

repeated_purchases as (
    select event_date, event_key
    from purchases
    where microseconds_since_purchase <= {{ purchase_memory }} * 86400000000
),

-- events without a session id belong together while less than 30 minutes lie between them
gapped as (
    select
        event_date,
        event_key,
        user_pseudo_id,
        event_timestamp,
        event_timestamp - lag(event_timestamp) over (
            partition by user_pseudo_id order by event_timestamp, event_key
        ) as microseconds_since_event
    from events
    where ga_session_id is null
),

grouped as (
    select
        *,
        sum(case when microseconds_since_event < 1800000000 then 0 else 1 end) over (
            partition by user_pseudo_id order by event_timestamp, event_key
            rows between unbounded preceding and current row
        ) as visit
    from gapped
),

inferred as (
    select
        event_date,
        event_key,
        concat('inferred-', cast(min(event_timestamp) over (partition by user_pseudo_id, visit) as string)) as session_id
    from grouped
),

keyed as (
    select
        events.*,
        concat(
            events.user_pseudo_id, '.', coalesce(cast(events.ga_session_id as string), inferred.session_id)
        ) as session_key
    from events
    left join inferred
        on events.event_date = inferred.event_date
        and events.event_key = inferred.event_key
),

sessions as (
    select
        session_key,
        min(event_date) as session_date,
        min(event_at) as session_started_at,
        -- no visitor does as much in one visit
        count(*) > 1000 as is_bot
    from keyed
    group by session_key
    having min(event_date) between {{ first_day() }} and {{ last_day() }}
),

-- what the shop itself showed is no act of the visitor
ordered as (
    select
        keyed.event_date,
        keyed.event_key,
        sessions.*,
        case when not starts_with(keyed.event_name, 'popup_') then row_number() over (
            partition by keyed.session_key, starts_with(keyed.event_name, 'popup_')
            order by
                keyed.event_timestamp, keyed.batch_page_id, keyed.batch_ordering_id, keyed.batch_event_index, keyed.event_key
        ) end as activity_index
    from keyed
    inner join sessions
        on keyed.session_key = sessions.session_key
),

described as (
    select
        events.*,
        ordered.session_key,
        ordered.session_date,
        ordered.session_started_at,
        ordered.is_bot,
        ordered.activity_index,
        repeated_purchases.event_key is not null as is_repeated_purchase
    from {{ ref('stg_ga4__events') }} as events
    inner join ordered
        on events.event_date = ordered.event_date
        and events.event_key = ordered.event_key
    left join repeated_purchases
        on events.event_date = repeated_purchases.event_date
        and events.event_key = repeated_purchases.event_key
    where events.event_date between {{ days_after(first_day(), -1) }} and {{ days_after(last_day(), 1) }}
)

select
    event_key,
    session_key,
    user_pseudo_id,
    session_date,
    session_started_at,
    ga_session_id is null as is_session_inferred,
    is_bot,
    ga_session_number,
    event_date,
    event_timestamp,
    event_at,
    user_first_touch_at,
    known_at,
    activity_index,
    event_name,
    is_session_engaged,
    engagement_time_msec,
    page_location,
    session_source,
    session_medium,
    user_source,
    user_medium,
    device_category,
    operating_system,
    browser,
    language,
    continent,
    country,
    region,
    city,
    transaction_id,
    is_repeated_purchase,
    case when not is_repeated_purchase then revenue_usd end as revenue_usd,
    decision_id,
    policy,
    propensity,
    survey_answer
from described
