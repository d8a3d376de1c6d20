{# An aggregate over the `days` days that end with `feature_date`. #}
{% macro in_window(aggregate, expression, days) -%}
    {{ aggregate }}(case when {{ days_between('event_date', 'feature_date') }} < {{ days }} then {{ expression }} end)
{%- endmacro %}

{% macro sum_in_window(column, days, type='int64') -%}
    cast(coalesce({{ in_window('sum', column, days) }}, 0) as {{ type }})
{%- endmacro %}

{# Whole days since the last day for which `condition` held, null where none did in the window. #}
{% macro days_since(condition) -%}
    cast(min(case when {{ condition }} then {{ days_between('event_date', 'feature_date') }} end) as int64)
{%- endmacro %}
