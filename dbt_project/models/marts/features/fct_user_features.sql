{#- Days; `remembered_days` of the contract. -#}
{%- set window = 28 %}
{%- set last_day_again = last_remembering_day(window) %}

with

user_days as (
    select *
    from {{ ref('int_user_days') }}
    where event_date between {{ days_after(first_day(), 1 - window) }} and {{ last_day_again }}
),

{%- if last_day_again != last_day() %}

-- the days after those being built remember them: of whoever was there then, as it was told before or is told now
users_again as (
    select user_pseudo_id from user_days where event_date between {{ first_day() }} and {{ last_day() }}
    union distinct
    select user_pseudo_id
    from {{ this }}
    where feature_date between {{ first_day() }} and {{ last_day() }} and days_since_visit = 0
),
{%- endif %}

days as (
    {{ calendar(first_day(), last_day_again) }}
),

-- each day of a user beside the days on which it is remembered
remembered as (
    select user_days.*, days.day as feature_date
    from user_days
    inner join days
        on days.day between user_days.event_date and {{ days_after('user_days.event_date', window - 1) }}
    {%- if last_day_again != last_day() %}
    where days.day <= {{ last_day() }} or user_days.user_pseudo_id in (select user_pseudo_id from users_again)
    {%- endif %}
),

aggregated as (
    select
        user_pseudo_id,
        feature_date,
        {{ day_begins_at(days_after('feature_date', 1)) }} as feature_at,
        greatest(
            {{ hours_after(day_begins_at(days_after('feature_date', 1)), var('export_delay_hours')) }}, max(known_at)
        ) as known_at,
        {%- for days in [1, 7, 28] %}
        {{ sum_in_window('sessions', days) }} as sessions_{{ days }}d,
        {%- endfor %}
        count(*) as active_days_28d,
        {%- for days in [7, 28] %}
        {{ sum_in_window('page_views', days) }} as page_views_{{ days }}d,
        {{ sum_in_window('item_views', days) }} as item_views_{{ days }}d,
        {{ sum_in_window('add_to_carts', days) }} as add_to_carts_{{ days }}d,
        {{ sum_in_window('checkouts', days) }} as checkouts_{{ days }}d,
        {{ sum_in_window('purchases', days) }} as purchases_{{ days }}d,
        {{ sum_in_window('engagement_seconds', days, 'float64') }} as engagement_seconds_{{ days }}d,
        {%- endfor %}
        {{ sum_in_window('searches', 28) }} as searches_28d,
        {{ sum_in_window('promotion_clicks', 28) }} as promotion_clicks_28d,
        {{ divide('sum(page_views)', 'sum(sessions)') }} as page_views_per_session_28d,
        -- of few page views, chance makes a rate: five more without anything draw it towards zero
        {{ divide('sum(engagement_seconds)', '(sum(page_views) + 5)') }} as engagement_seconds_per_page_view_28d,
        {{ divide('sum(promotion_views)', '(sum(page_views) + 5)') }} as promotion_views_per_page_view_28d,
        {{ sum_in_window('revenue_usd', 28, 'float64') }} as revenue_28d_usd,
        {{ divide('sum(revenue_usd)', 'sum(purchases)') }} as average_order_value_28d_usd,
        sum(engagement_seconds * exp(-{{ days_between('event_date', 'feature_date') }} / 7.0)) as engagement_decayed,
        {{ sum_in_window('popup_views', 28) }} as popup_views_28d,
        {{ sum_in_window('popup_closes', 28) }} as popup_closes_28d,
        {{ days_since('true') }} as days_since_visit,
        {{ days_since('add_to_carts > 0') }} as days_since_cart,
        {{ days_since('purchases > 0') }} as days_since_purchase,
        {{ seconds_between('min(first_touch_at)', day_begins_at(days_after('feature_date', 1))) }} / 86400 as days_since_first_visit,
        cast(max(ga_session_number) as int64) as visits_so_far
    from remembered
    group by user_pseudo_id, feature_date
)

select * from aggregated
