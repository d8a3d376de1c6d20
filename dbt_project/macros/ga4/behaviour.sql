{# A feature of `remembered` days by the rule that its column states in meta; `type` is the column's. #}
{% macro behaviour(rule, type) -%}
    {%- set total = 'sum(' ~ rule.measure ~ ')' -%}
    {%- set age = days_between('event_date', 'feature_date') -%}
    {%- if rule.aggregation == 'sum' -%}
        {{ sum_in_window(rule.measure, rule.days, type) }}
    {%- elif rule.aggregation == 'active_days' -%}
        {{ in_window('count', 'case when ' ~ rule.measure ~ ' > 0 then 1 end', rule.days) }}
    {%- elif rule.aggregation == 'largest' -%}
        max({{ rule.measure }})
    {%- elif rule.aggregation == 'per_session' -%}
        {{ divide(total, 'sum(sessions)') }}
    {%- elif rule.aggregation == 'share' -%}
        {{ divide(in_window('sum', rule.measure, rule.days), total) }}
    {%- elif rule.aggregation == 'since_last' -%}
        {{ days_since(rule.measure ~ ' > 0') }}
    {%- elif rule.aggregation == 'since_first' -%}
        cast(max(case when {{ rule.measure }} > 0 then {{ age }} end) as int64)
    {%- else -%}
        {{ exceptions.raise_compiler_error("Unknown aggregation " ~ rule.aggregation ~ " of measure " ~ rule.measure) }}
    {%- endif -%}
{%- endmacro %}
