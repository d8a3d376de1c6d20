{# Common table expressions: `decided` holds the days on which users were there, each with the moment at which GA4 had
   delivered it, once the `horizon` days after that moment are over. Every day is read, not only those being built: a new
   day decides the labels of those before it. #}
{% macro decided_user_days(horizon) -%}
user_days as (
    select user_pseudo_id, event_date from {{ ref('int_user_days') }} where {{ any_day('event_date') }}
),

known as (
    select {{ day_begins_at(days_after('max(event_date)', 1)) }} as until_at from user_days
),

moments as (
    select
        user_pseudo_id,
        event_date,
        {{ hours_after(day_begins_at(days_after('event_date', 1)), var('export_delay_hours')) }} as decision_at
    from user_days
),

decided as (
    select moments.*
    from moments
    cross join known
    where {{ hours_after('moments.decision_at', horizon * 24) }} <= known.until_at
)
{%- endmacro %}
