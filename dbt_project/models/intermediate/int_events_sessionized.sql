with

-- a session that begins or ends on another day is read whole: one day each side
events as (
    select *
    from {{ ref('stg_ga4__events') }}
    where user_pseudo_id is not null
        and event_date between {{ days_after(first_day(), -1) }} and {{ days_after(last_day(), 1) }}
),

-- events without a session id belong together while less than 30 minutes lie between them
gapped as (
    select
        *,
        event_timestamp - lag(event_timestamp) over (
            partition by user_pseudo_id, ga_session_id is null order by event_timestamp, event_key
        ) as microseconds_since_event
    from events
),

grouped as (
    select
        *,
        sum(case when microseconds_since_event < 1800000000 then 0 else 1 end) over (
            partition by user_pseudo_id, ga_session_id is null order by event_timestamp, event_key
            rows between unbounded preceding and current row
        ) as visit
    from gapped
),

keyed as (
    select
        *,
        concat(user_pseudo_id, '.', coalesce(
            cast(ga_session_id as string), concat('inferred-', cast(min(event_timestamp) over (
                partition by user_pseudo_id, ga_session_id, case when ga_session_id is null then visit end
            ) as string))
        )) as session_key,
        -- a page that is loaded again repeats its purchase: the first one counts
        event_name = 'purchase' and row_number() over (
            partition by user_pseudo_id, event_name, coalesce(transaction_id, event_key) order by event_timestamp, event_key
        ) > 1 as is_repeated_purchase
    from grouped
),

dated as (
    select
        *,
        min(event_date) over (partition by session_key) as session_date,
        min(event_at) over (partition by session_key) as session_started_at
    from keyed
),

-- what the shop itself showed is no act of the visitor
ordered as (
    select
        *,
        case when event_name not like 'popup!_%' escape '!' then row_number() over (
            partition by session_key, event_name like 'popup!_%' escape '!'
            order by event_timestamp, batch_page_id, batch_ordering_id, batch_event_index, event_key
        ) end as activity_index
    from dated
    where session_date between {{ first_day() }} and {{ last_day() }}
)

select
    event_key,
    session_key,
    user_pseudo_id,
    session_date,
    session_started_at,
    ga_session_id is null as is_session_inferred,
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
    propensity
from ordered
