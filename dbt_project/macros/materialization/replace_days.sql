{# Incremental strategy `replace_days`: the rows of the days being built take the place of all rows of those days, so that
   a day that lost its rows ends empty. The column is named by the model's `day` in meta. #}
{% macro get_incremental_replace_days_sql(arguments) %}
    {%- set day = config.get('meta')['day'] -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ arguments['target_relation'] }} where {{ day }} between {{ first_day() }} and {{ last_day() }};
    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{% endmacro %}
