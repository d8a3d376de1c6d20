{# The landed events of the days from `first` to `last`, dates both included; `known_at` is when a row's delivery was known. #}
{% macro exported_events(first, last) %}
    {{- return(adapter.dispatch('exported_events', 'tactful')(first, last)) -}}
{% endmacro %}

{% macro duckdb__exported_events(first, last) %}
    select * replace (cast(known_at as timestamp) as known_at)
    from {{ source('ga4_export', 'events') }}
    where event_date between strftime({{ first }}, '%Y%m%d') and strftime({{ last }}, '%Y%m%d')
{% endmacro %}

{% macro bigquery__exported_events(first, last) %}
    select
        *,
        {{ hours_after(day_begins_at(days_after("parse_date('%Y%m%d', event_date)", 1)), var('export_delay_hours')) }} as known_at
    from {{ source('ga4_export', 'events') }}
    where _table_suffix between format_date('%Y%m%d', {{ first }}) and format_date('%Y%m%d', {{ last }})
{% endmacro %}
