{# Names that one engine lacks for the types of the contracts. #}
{% macro create_type_aliases() %}
    {{ return(adapter.dispatch('create_type_aliases', 'tactful')()) }}
{% endmacro %}

{% macro duckdb__create_type_aliases() %}
    create type if not exists float64 as double
{% endmacro %}

{% macro bigquery__create_type_aliases() %}
    select 1
{% endmacro %}


{# A value of another type, or null where it has none. #}
{% macro safe_cast_to(expression, type) %}
    {{- return(adapter.dispatch('safe_cast_to', 'tactful')(expression, type)) -}}
{% endmacro %}

{% macro duckdb__safe_cast_to(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{% macro bigquery__safe_cast_to(expression, type) -%}
    safe_cast({{ expression }} as {{ type }})
{%- endmacro %}


{# a / b, null where b is zero. #}
{% macro divide(dividend, divisor) -%}
    cast({{ dividend }} as float64) / nullif({{ divisor }}, 0)
{%- endmacro %}


{% macro md5_hex(expression) %}
    {{- return(adapter.dispatch('md5_hex', 'tactful')(expression)) -}}
{% endmacro %}

{% macro duckdb__md5_hex(expression) -%}
    md5({{ expression }})
{%- endmacro %}

{% macro bigquery__md5_hex(expression) -%}
    to_hex(md5({{ expression }}))
{%- endmacro %}
