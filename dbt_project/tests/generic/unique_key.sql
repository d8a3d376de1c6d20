{# Fails for each combination of `columns` that more than one row of the days being built holds. #}
{% test unique_key(model, columns) %}
    {%- set day = (graph.nodes.values() | selectattr('name', 'equalto', model.identifier) | first).config.meta.get('day') if execute -%}
    select {{ columns | join(', ') }}
    from {{ model }}
    {% if day -%} where {{ day }} between {{ first_day() }} and {{ last_day() }} {%- endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
