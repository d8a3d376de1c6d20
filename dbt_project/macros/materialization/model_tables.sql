{# Tables that assets write what models say to, as sources: they are there before anything was said. #}
{% macro create_model_tables() %}
    {{ return(adapter.dispatch('create_model_tables', 'tactful')()) }}
{% endmacro %}

{% macro duckdb__create_model_tables() %}
    create table if not exists {{ target.schema }}.user_segment_labels ({{ user_segment_label_columns() }})
{% endmacro %}

{% macro bigquery__create_model_tables() %}
    create table if not exists {{ target.schema }}.user_segment_labels ({{ user_segment_label_columns() }})
    partition by feature_date
    options (require_partition_filter = true)
{% endmacro %}

{% macro user_segment_label_columns() -%}
    user_pseudo_id string, feature_date date, feature_at timestamp, known_at timestamp, id string, name string, version string
{%- endmacro %}
