{# A session feature by the rule that its column states in meta, over the session's acts up to and including this moment.
   The decision service builds its live features from the same rules. #}
{% macro activity(rule) -%}
    {%- set up_to_now = 'over (partition by session_key order by event_timestamp range between unbounded preceding and current row)' -%}
    {%- set is_event = 'true' if rule.event == '*' else "event_name = '" ~ rule.event ~ "'" -%}
    {%- if rule.aggregation == 'occurred' -%}
        {#- the first such act of the whole session costs a fifth of looking back from each act -#}
        coalesce(min(case when {{ is_event }} then event_timestamp end) over (partition by session_key) <= event_timestamp, false)
    {%- elif rule.aggregation == 'count' -%}
        cast(sum(case when {{ is_event }} then 1 else 0 end) {{ up_to_now }} as int64)
    {%- elif rule.aggregation == 'count_5m' -%}
        cast(sum(case when {{ is_event }} then 1 else 0 end) over (
            partition by session_key order by event_timestamp range between 299999999 preceding and current row
        ) as int64)
    {%- elif rule.aggregation == 'seconds_since' -%}
        cast(event_timestamp - max(case when {{ is_event }} then event_timestamp end) {{ up_to_now }} as float64) / 1000000
    {%- else -%}
        {{ exceptions.raise_compiler_error("Unknown aggregation " ~ rule.aggregation ~ " of event " ~ rule.event) }}
    {%- endif -%}
{%- endmacro %}
