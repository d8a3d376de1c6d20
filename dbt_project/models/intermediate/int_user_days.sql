with

events as (
    select *
    from {{ ref('int_events_sessionized') }}
    where session_date between {{ days_after(first_day(), -1) }} and {{ last_day() }}
        and event_date between {{ first_day() }} and {{ last_day() }}
        and is_bot is not true
),

daily as (
    select
        user_pseudo_id,
        event_date,
        count(distinct session_key) as sessions,
        count(case when event_name = 'page_view' then 1 end) as page_views,
        count(case when event_name = 'scroll' then 1 end) as scrolls,
        count(case when event_name = 'select_item' then 1 end) as item_clicks,
        count(case when event_name = 'view_item' then 1 end) as item_views,
        count(case when event_name = 'view_search_results' then 1 end) as searches,
        count(case when event_name = 'view_promotion' then 1 end) as promotion_views,
        count(case when event_name = 'select_promotion' then 1 end) as promotion_clicks,
        count(case when event_name = 'add_to_wishlist' then 1 end) as add_to_wishlists,
        count(case when event_name = 'add_to_cart' then 1 end) as add_to_carts,
        count(case when event_name = 'remove_from_cart' then 1 end) as remove_from_carts,
        count(case when event_name = 'view_cart' then 1 end) as cart_views,
        count(case when event_name = 'begin_checkout' then 1 end) as checkouts,
        count(case when event_name = 'add_shipping_info' then 1 end) as shipping_infos,
        count(case when event_name = 'add_payment_info' then 1 end) as payment_infos,
        count(case when event_name = 'purchase' and not is_repeated_purchase then 1 end) as purchases,
        coalesce(sum(case when event_name = 'purchase' then revenue_usd end), 0) as revenue_usd,
        cast(coalesce(sum(engagement_time_msec), 0) as float64) / 1000 as engagement_seconds,
        count(case when event_name in ('login', 'sign_up') then 1 end) as sign_ins,
        count(case when event_name = 'popup_view' then 1 end) as popup_views,
        count(case when event_name = 'popup_close' then 1 end) as popup_closes,
        cast(max(ga_session_number) as int64) as ga_session_number,
        min(coalesce(user_first_touch_at, event_at)) as first_touch_at,
        max(known_at) as known_at
    from events
    group by user_pseudo_id, event_date
)

select * from daily
