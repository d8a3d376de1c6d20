{#- Days; `remembered_days` of the contract. -#}
{%- set window = 28 %}
{%- set last_day_again = last_remembering_day(window) %}
{%- set ruled = model.columns.values() | selectattr('config.meta.behaviour', 'defined') | list %}

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
    select user_pseudo_id from {{ this }} where feature_date between {{ first_day() }} and {{ last_day() }}
),
{%- endif %}

visits as (
    select user_pseudo_id, event_date as feature_date
    from user_days
    where event_date >= {{ first_day() }}
    {%- if last_day_again != last_day() %}
        and (event_date <= {{ last_day() }} or user_pseudo_id in (select user_pseudo_id from users_again))
    {%- endif %}
),

-- each day with a visit beside the days of its user that it remembers
remembered as (
    select user_days.*, visits.feature_date
    from visits
    inner join user_days
        on visits.user_pseudo_id = user_days.user_pseudo_id
        and user_days.event_date between {{ days_after('visits.feature_date', 1 - window) }} and visits.feature_date
),

aggregated as (
    select
        user_pseudo_id,
        feature_date,
        {{ day_begins_at(days_after('feature_date', 1)) }} as feature_at,
        greatest(
            {{ hours_after(day_begins_at(days_after('feature_date', 1)), var('export_delay_hours')) }}, max(known_at)
        ) as known_at
        {%- for column in ruled %},
        {{ behaviour(column.config.meta.behaviour, column.data_type) }} as {{ column.name }}
        {%- endfor %}
    from remembered
    group by user_pseudo_id, feature_date
)

select * from aggregated
