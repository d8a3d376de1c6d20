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


{# A value of another type, or null where it has none. The engines agree on text that holds a plain number, on whole
   numbers and on nothing else: see the three macros below. #}
{% macro safe_cast_to(expression, type) %}
    {{- return(adapter.dispatch('safe_cast_to', 'tactful')(expression, type)) -}}
{% endmacro %}

{% macro duckdb__safe_cast_to(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{% macro bigquery__safe_cast_to(expression, type) -%}
    safe_cast({{ expression }} as {{ type }})
{%- endmacro %}


{# The number that a text holds in decimal digits, or null: one engine alone reads 82.5 as whole, 1_000, or 0x1p-2. #}
{% macro text_to_int(text) -%}
    {{ safe_cast_to("regexp_extract(" ~ text ~ ", '^[+-]?[0-9]+$')", 'int64') }}
{%- endmacro %}

{% macro text_to_float(text) -%}
    {{ safe_cast_to("regexp_extract(" ~ text ~ ", '^[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]{1,2})?$')", 'float64') }}
{%- endmacro %}

{# A number rounded half away from zero; a bare cast rounds half to even on DuckDB. #}
{% macro float_to_int(number) -%}
    {{ safe_cast_to('round(' ~ number ~ ')', 'int64') }}
{%- endmacro %}

{# A number as text, to six decimals, a whole one without a point; a bare cast writes 12.0 or 12, and as many digits as
   the engine likes. #}
{% macro float_to_text(number) -%}
    {%- set rounded = 'round(' ~ number ~ ', 6)' -%}
    coalesce(cast(case when {{ rounded }} = round({{ rounded }}) then {{ float_to_int(rounded) }} end as string), cast({{ rounded }} as string))
{%- endmacro %}


{# Text in Unicode's form NFC, its first 4,096 characters, without the spaces around it, those of all scripts; tabs and line breaks stay, which DuckDB's trim() takes for text. #}
{% macro trimmed(text) %}
    {{- return(adapter.dispatch('trimmed', 'tactful')(text)) -}}
{% endmacro %}

{% macro duckdb__trimmed(text) -%}
    trim(substr(nfc_normalize({{ text }}), 1, 4096))
{%- endmacro %}

{% macro bigquery__trimmed(text) -%}
    trim(substr(normalize({{ text }}, NFC), 1, 4096), {{ "' \\u00a0\\u1680\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u2006\\u2007\\u2008\\u2009\\u200a\\u202f\\u205f\\u3000'" }})
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
