{# The days this run builds, as dates. #}
{% macro first_day() -%} date '{{ var("first_day") }}' {%- endmacro %}
{% macro last_day() -%} date '{{ var("last_day") }}' {%- endmacro %}
