{# Rows of `relation` beside each element of its array, which is named `element`. #}
{% macro cross_join_unnest(array, element) %}
    {{- return(adapter.dispatch('cross_join_unnest', 'tactful')(array, element)) -}}
{% endmacro %}

{% macro duckdb__cross_join_unnest(array, element) -%}
    cross join unnest({{ array }}) as unnested({{ element }})
{%- endmacro %}

{% macro bigquery__cross_join_unnest(array, element) -%}
    cross join unnest({{ array }}) as {{ element }}
{%- endmacro %}


{# An array as text: `text` of each element (`element` stands for it), joined by a bar; the same array gives the same text. #}
{% macro array_text(array, element, text) %}
    {{- return(adapter.dispatch('array_text', 'tactful')(array, element, text)) -}}
{% endmacro %}

{% macro duckdb__array_text(array, element, text) -%}
    coalesce(array_to_string(list_transform({{ array }}, lambda {{ element }}: {{ text }}), '|'), '')
{%- endmacro %}

{% macro bigquery__array_text(array, element, text) -%}
    coalesce(array_to_string(array(select {{ text }} from unnest({{ array }}) as {{ element }} with offset as place order by place), '|'), '')
{%- endmacro %}


{# The value that `expression` has in the row where `order_by` is smallest, nulls of `expression` left out; of rows that
   share it, the smallest value. `is_unique`: no two rows of a group share it, which spares DuckDB two thirds of the time. #}
{% macro first_value_by(expression, order_by, is_unique=false) %}
    {{- return(adapter.dispatch('first_value_by', 'tactful')(expression, order_by, is_unique)) -}}
{% endmacro %}

{% macro duckdb__first_value_by(expression, order_by, is_unique) -%}
    arg_min({{ expression }}, {{ order_by if is_unique else '(' ~ order_by ~ ', ' ~ expression ~ ')' }}) filter (where {{ expression }} is not null)
{%- endmacro %}

{% macro bigquery__first_value_by(expression, order_by, is_unique) -%}
    array_agg({{ expression }} ignore nulls order by {{ order_by }}, {{ expression }} limit 1)[safe_offset(0)]
{%- endmacro %}
