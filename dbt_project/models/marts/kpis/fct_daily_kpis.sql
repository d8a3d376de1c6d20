with

sessions as (
    select *
    from {{ ref('fct_sessions') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
),

daily as (
    select
        session_date,
        count(*) as sessions,
        count(distinct user_pseudo_id) as users,
        count(case when ga_session_number = 1 then 1 end) as new_users,
        count(case when is_engaged then 1 end) as engaged_sessions,
        cast(sum(events) as int64) as events,
        cast(sum(page_views) as int64) as page_views,
        count(case when purchases > 0 then 1 end) as purchase_sessions,
        cast(sum(purchases) as int64) as purchases,
        sum(revenue_usd) as revenue_usd,
        cast(sum(popup_views) as int64) as popup_views,
        cast(sum(popup_submits) as int64) as popup_submits,
        count(case when has_converted then 1 end) as converted_sessions,
        {{ divide('count(case when purchases > 0 then 1 end)', 'count(*)') }} as purchase_rate,
        {{ divide('sum(popup_submits)', 'sum(popup_views)') }} as popup_submit_rate,
        1 - {{ divide('count(case when is_engaged then 1 end)', 'count(*)') }} as bounce_rate,
        {{ divide('sum(revenue_usd)', 'sum(purchases)') }} as average_order_value_usd
    from sessions
    group by session_date
)

select * from daily
