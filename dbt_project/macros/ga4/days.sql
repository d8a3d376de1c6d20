{# The days this run builds, as dates. #}
{% macro first_day() -%} date '{{ var("first_day") }}' {%- endmacro %}
{% macro last_day() -%} date '{{ var("last_day") }}' {%- endmacro %}

{# The last day that remembers the days being built, as a date: a row of `remembered_days` days is built again with each
   of them. That is the newest day of the export (`newest_day`) at most, and the last day being built where none is told. #}
{% macro last_remembering_day(remembered_days) -%}
    {%- set remembering = modules.datetime.date.fromisoformat(var("last_day")) + modules.datetime.timedelta(remembered_days - 1) -%}
    date '{{ [remembering.isoformat(), var("newest_day", none) or var("last_day")] | min }}'
{%- endmacro %}

{# Holds of every day. BigQuery reads no partitioned table without a bound on its partitions, and there is no event before 1970. #}
{% macro any_day(column) -%} {{ column }} >= date '1970-01-01' {%- endmacro %}
