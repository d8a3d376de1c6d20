{# Event parameters. GA4 fills one of four members of a value, and not always the same one for a key: each macro looks for
   its type first and takes the others where they can be read as it.

   They read columns `param_<key>`, which `extract_params` makes, so that each key is looked for once. #}

{% macro extract_params(keys) -%}
    {%- for key in keys %}
        {{ param_value(key) }} as param_{{ key }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro param_string(key) -%}
    coalesce(param_{{ key }}.string_value, cast(param_{{ key }}.int_value as string), {{ float_to_text('param_' ~ key ~ '.double_value') }})
{%- endmacro %}

{% macro param_int(key) -%}
    coalesce(param_{{ key }}.int_value, {{ text_to_int('param_' ~ key ~ '.string_value') }}, {{ float_to_int('param_' ~ key ~ '.double_value') }})
{%- endmacro %}

{% macro param_float(key) -%}
    coalesce(param_{{ key }}.double_value, param_{{ key }}.float_value, cast(param_{{ key }}.int_value as float64), {{ text_to_float('param_' ~ key ~ '.string_value') }})
{%- endmacro %}

{% macro param_value(key) %}
    {{- return(adapter.dispatch('param_value', 'tactful')(key)) -}}
{% endmacro %}

{% macro duckdb__param_value(key) -%}
    event_params[list_position(list_transform(event_params, lambda param: param.key), '{{ key }}')].value
{%- endmacro %}

{% macro bigquery__param_value(key) -%}
    (select param.value from unnest(event_params) as param with offset as place where param.key = '{{ key }}' order by place limit 1)
{%- endmacro %}
