with

sessions as (
    select * from {{ ref('fct_sessions') }} where {{ any_day('session_date') }}
),

users as (
    select
        user_pseudo_id,
        min(started_at) as first_session_at,
        max(started_at) as last_session_at,
        count(*) as sessions,
        cast(sum(purchases) as int64) as purchases,
        sum(revenue_usd) as revenue_usd,
        {{ first_value_by('channel', 'started_at') }} as first_channel,
        {{ first_value_by('country', 'started_at') }} as first_country
    from sessions
    group by user_pseudo_id
)

select * from users
