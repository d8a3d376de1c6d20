{# Tables that assets write what models say to, as sources: they are there before anything was said. #}
{% macro create_user_segment_labels() %}
    {{- create_model_table('user_segment_labels', 'id string, name string, version string') -}}
{% endmacro %}

{% macro create_user_model_scores() %}
    {{- create_model_table('user_model_scores', 'model string, answer string, score float64, version string') -}}
{% endmacro %}


{# A table of what is said of users by day. #}
{% macro create_model_table(name, said) %}
    {{- return(adapter.dispatch('create_model_table', 'tactful')(name, said)) -}}
{% endmacro %}

{% macro duckdb__create_model_table(name, said) %}
    create table if not exists {{ target.schema }}.{{ name }} ({{ user_day_columns() }}, {{ said }})
{% endmacro %}

{% macro bigquery__create_model_table(name, said) %}
    create table if not exists {{ target.schema }}.{{ name }} ({{ user_day_columns() }}, {{ said }})
    partition by feature_date
    options (require_partition_filter = true)
{% endmacro %}

{% macro user_day_columns() -%}
    user_pseudo_id string, feature_date date, feature_at timestamp, known_at timestamp
{%- endmacro %}
