{# Timestamps are UTC on both engines; DuckDB's have no zone. Differences are taken in microseconds or whole days,
   because the engines count longer units differently. #}

{% macro timestamp_from_micros(expression) %}
    {{- return(adapter.dispatch('timestamp_from_micros', 'tactful')(expression)) -}}
{% endmacro %}

{% macro duckdb__timestamp_from_micros(expression) -%}
    make_timestamp({{ expression }})
{%- endmacro %}

{% macro bigquery__timestamp_from_micros(expression) -%}
    timestamp_micros({{ expression }})
{%- endmacro %}


{% macro date_from_digits(expression) %}
    {{- return(adapter.dispatch('date_from_digits', 'tactful')(expression)) -}}
{% endmacro %}

{% macro duckdb__date_from_digits(expression) -%}
    cast(strptime({{ expression }}, '%Y%m%d') as date)
{%- endmacro %}

{% macro bigquery__date_from_digits(expression) -%}
    parse_date('%Y%m%d', {{ expression }})
{%- endmacro %}


{% macro days_after(day, days) %}
    {{- return(adapter.dispatch('days_after', 'tactful')(day, days)) -}}
{% endmacro %}

{% macro duckdb__days_after(day, days) -%}
    cast({{ day }} + interval ({{ days }}) day as date)
{%- endmacro %}

{% macro bigquery__days_after(day, days) -%}
    date_add({{ day }}, interval {{ days }} day)
{%- endmacro %}


{# Whole days from the first date to the second. #}
{% macro days_between(first, second) %}
    {{- return(adapter.dispatch('days_between', 'tactful')(first, second)) -}}
{% endmacro %}

{% macro duckdb__days_between(first, second) -%}
    date_diff('day', {{ first }}, {{ second }})
{%- endmacro %}

{% macro bigquery__days_between(first, second) -%}
    date_diff({{ second }}, {{ first }}, day)
{%- endmacro %}


{% macro hours_after(timestamp, hours) %}
    {{- return(adapter.dispatch('hours_after', 'tactful')(timestamp, hours)) -}}
{% endmacro %}

{% macro duckdb__hours_after(timestamp, hours) -%}
    {{ timestamp }} + interval ({{ hours }}) hour
{%- endmacro %}

{% macro bigquery__hours_after(timestamp, hours) -%}
    timestamp_add({{ timestamp }}, interval {{ hours }} hour)
{%- endmacro %}


{# The instant at which a day of the property begins. #}
{% macro day_begins_at(day) %}
    {{- return(adapter.dispatch('day_begins_at', 'tactful')(day)) -}}
{% endmacro %}

{% macro duckdb__day_begins_at(day) -%}
    timezone('UTC', timezone('{{ var("time_zone") }}', cast({{ day }} as timestamp)))
{%- endmacro %}

{% macro bigquery__day_begins_at(day) -%}
    timestamp({{ day }}, '{{ var("time_zone") }}')
{%- endmacro %}


{# Hour of the day, 0 to 23, on the property's clock. #}
{% macro hour_of_day(timestamp) %}
    {{- return(adapter.dispatch('hour_of_day', 'tactful')(timestamp)) -}}
{% endmacro %}

{% macro duckdb__hour_of_day(timestamp) -%}
    cast(extract(hour from timezone('{{ var("time_zone") }}', timezone('UTC', {{ timestamp }}))) as int64)
{%- endmacro %}

{% macro bigquery__hour_of_day(timestamp) -%}
    extract(hour from {{ timestamp }} at time zone '{{ var("time_zone") }}')
{%- endmacro %}


{# Day of the week, 1 for Monday to 7 for Sunday, on the property's clock. #}
{% macro day_of_week(timestamp) %}
    {{- return(adapter.dispatch('day_of_week', 'tactful')(timestamp)) -}}
{% endmacro %}

{% macro duckdb__day_of_week(timestamp) -%}
    cast(extract(isodow from timezone('{{ var("time_zone") }}', timezone('UTC', {{ timestamp }}))) as int64)
{%- endmacro %}

{% macro bigquery__day_of_week(timestamp) -%}
    mod(extract(dayofweek from {{ timestamp }} at time zone '{{ var("time_zone") }}') + 5, 7) + 1
{%- endmacro %}


{# One row a day, both ends included, as a column `day`. #}
{% macro calendar(first, last) %}
    {{- return(adapter.dispatch('calendar', 'tactful')(first, last)) -}}
{% endmacro %}

{% macro duckdb__calendar(first, last) -%}
    select cast(day as date) as day from unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as days(day)
{%- endmacro %}

{% macro bigquery__calendar(first, last) -%}
    select day from unnest(generate_date_array({{ first }}, {{ last }})) as day
{%- endmacro %}


{# Seconds from the first timestamp to the second, with their fraction: one engine counts whole ones, the other their borders. #}
{% macro seconds_between(first, second) %}
    {{- return(adapter.dispatch('seconds_between', 'tactful')(first, second)) -}}
{% endmacro %}

{% macro duckdb__seconds_between(first, second) -%}
    date_diff('microsecond', {{ first }}, {{ second }}) / 1000000
{%- endmacro %}

{% macro bigquery__seconds_between(first, second) -%}
    timestamp_diff({{ second }}, {{ first }}, microsecond) / 1000000
{%- endmacro %}
