with

sessions as (
    select *
    from {{ ref('fct_sessions') }}
    where session_date between {{ first_day() }} and {{ last_day() }}
),

visitors as (
    select
        session_date,
        user_pseudo_id,
        max(case when is_engaged then 1 else 0 end) as is_reached,
        max(case when is_engaged and item_views > 0 then 1 else 0 end) as is_interested,
        max(case when purchases > 0 then 1 else 0 end) as is_buyer,
        max(case when purchases > 0 and ga_session_number > 1 then 1 else 0 end) as is_returning_buyer
    from sessions
    group by session_date, user_pseudo_id
),

steps as (
    select session_date, 1 as step_number, 'audience' as step, count(*) as users from visitors group by session_date
    union all
    select session_date, 2, 'reach', sum(is_reached) from visitors group by session_date
    union all
    select session_date, 3, 'engagement', sum(is_interested) from visitors group by session_date
    union all
    select session_date, 4, 'conversion', sum(is_buyer) from visitors group by session_date
    union all
    select session_date, 5, 'loyalty', sum(is_returning_buyer) from visitors group by session_date
)

select session_date, cast(step_number as int64) as step_number, step, cast(users as int64) as users from steps
