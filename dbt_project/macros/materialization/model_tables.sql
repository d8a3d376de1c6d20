{# Tables that assets write what models say to, as sources: they are there before anything was said. #}
{% macro create_user_segment_labels() %}
    {{- create_daily_table('user_segment_labels', user_day_columns() ~ ', id string, name string, version string', 'feature_date') -}}
{% endmacro %}

{% macro create_user_model_scores() %}
    {{- create_daily_table('user_model_scores', user_day_columns() ~ ', model string, answer string, score float64, version string', 'feature_date') -}}
{% endmacro %}

{% macro create_decision_log() %}
    {%- set columns = 'decision_date date, decision_id string, user_pseudo_id string, client string, moment int64, '
        ~ 'model string, version string, score float64, threshold float64, action string, reason string, '
        ~ 'campaign string, channel string, '
        ~ 'action_probability float64, shadow_version string, shadow_score float64, shadow_threshold float64, '
        ~ 'shown_at int64, closed_at int64, clicked_at int64, converted_at int64' -%}
    {{- create_daily_table('decision_log', columns, 'decision_date') -}}
{% endmacro %}

{# A column of a table that may be older than it is. #}
{% macro add_column(name, column) %}
    alter table {{ target.schema }}.{{ name }} add column if not exists {{ column }}
{% endmacro %}


{# A table by day. #}
{% macro create_daily_table(name, columns, day) %}
    {{- return(adapter.dispatch('create_daily_table', 'tactful')(name, columns, day)) -}}
{% endmacro %}

{% macro duckdb__create_daily_table(name, columns, day) %}
    create table if not exists {{ target.schema }}.{{ name }} ({{ columns }})
{% endmacro %}

{% macro bigquery__create_daily_table(name, columns, day) %}
    create table if not exists {{ target.schema }}.{{ name }} ({{ columns }})
    partition by {{ day }}
    options (require_partition_filter = true)
{% endmacro %}

{% macro user_day_columns() -%}
    user_pseudo_id string, feature_date date, feature_at timestamp, known_at timestamp
{%- endmacro %}
