{# Incremental strategy `replace_days`: the rows of the days being built take the place of all rows of those days, so that
   a day that lost its rows ends empty. The column is named by the model's `day` in meta.

   Where a row remembers days (`remembered_days` in meta), the rows of later days are replaced too, of whoever was there on
   the days being built, before or now (`was_there`). #}
{% macro get_incremental_replace_days_sql(arguments) %}
    {%- set meta, target, built = config.get('meta'), arguments['target_relation'], arguments['temp_relation'] -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set is_built = meta['day'] ~ ' between ' ~ first_day() ~ ' and ' ~ last_day() -%}
    {%- if last_remembering_day(meta.get('remembered_days', 1)) != last_day() %}
    {%- set there = 'select ' ~ meta['join_key'] ~ ' from {} where ' ~ is_built ~ ' and ' ~ meta['was_there'] | default('true') %}
    delete from {{ target }}
    where {{ meta['day'] }} > {{ last_day() }}
        and {{ meta['day'] }} <= {{ last_remembering_day(meta['remembered_days']) }}
        and {{ meta['join_key'] }} in ({{ there.format(target) }} union {{ there.format(built) }});
    {%- endif %}
    delete from {{ target }} where {{ is_built }};
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ built }}
{% endmacro %}
