{#- acts in their order, each with a place of its own; what the shop showed tells nothing where an act does -#}
{%- set order = 'coalesce(activity_index, event_timestamp)' %}

with

events as (
    select *
    from {{ ref('int_events_sessionized') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
),

sessions as (
    select
        session_key,
        any_value(user_pseudo_id) as user_pseudo_id,
        any_value(session_date) as session_date,
        any_value(session_started_at) as started_at,
        max(event_at) as ended_at,
        any_value(is_session_inferred) as is_session_inferred,
        any_value(is_bot) as is_bot,
        count(case when event_name = 'session_start' then 1 end) > 0 as has_session_start,
        cast(max(ga_session_number) as int64) as ga_session_number,
        coalesce(max(case when is_session_engaged then 1 else 0 end), 0) = 1 as is_engaged,
        count(*) as events,
        count(case when event_name = 'page_view' then 1 end) as page_views,
        count(case when event_name = 'view_item' then 1 end) as item_views,
        count(case when event_name = 'add_to_cart' then 1 end) as add_to_carts,
        count(case when event_name = 'begin_checkout' then 1 end) as checkouts,
        count(case when event_name = 'add_shipping_info' then 1 end) as shippings,
        count(case when event_name = 'add_payment_info' then 1 end) as payments,
        count(case when event_name = 'purchase' and not is_repeated_purchase then 1 end) as purchases,
        coalesce(sum(case when event_name = 'purchase' then revenue_usd end), 0) as revenue_usd,
        cast(coalesce(sum(engagement_time_msec), 0) as float64) / 1000 as engagement_seconds,
        count(case when event_name = 'popup_view' then 1 end) as popup_views,
        count(case when event_name = 'popup_submit' then 1 end) as popup_submits,
        count(case when event_name = '{{ var("conversion_event") }}' then 1 end) > 0 as has_converted,
        {{ first_value_by('session_source', order, is_unique=true) }} as source,
        {{ first_value_by('session_medium', order, is_unique=true) }} as medium,
        {{ first_value_by('user_source', order, is_unique=true) }} as user_source,
        {{ first_value_by('user_medium', order, is_unique=true) }} as user_medium,
        {{ first_value_by('page_location', order, is_unique=true) }} as landing_page,
        {{ first_value_by('device_category', order, is_unique=true) }} as device_category,
        {{ first_value_by('operating_system', order, is_unique=true) }} as operating_system,
        {{ first_value_by('browser', order, is_unique=true) }} as browser,
        {{ first_value_by('language', order, is_unique=true) }} as language,
        {{ first_value_by('continent', order, is_unique=true) }} as continent,
        {{ first_value_by('country', order, is_unique=true) }} as country,
        {{ first_value_by('region', order, is_unique=true) }} as region,
        {{ first_value_by('city', order, is_unique=true) }} as city,
        max(known_at) as known_at
    from events
    group by session_key
),

-- a session that tells no source of its own is taken to have come as its user first did
attributed as (
    select
        *,
        {{ channel('coalesce(source, user_source)', 'coalesce(medium, user_medium)') }} as channel
    from sessions
)

select * from attributed
