{# When the platform knew of an event: as it happened, for the service hears each; or when it was delivered, where that
   was after its day's first delivery, for GA4 had it late then and so may the service have had. #}
{% macro heard_at() -%}
    case
        when known_at > {{ hours_after(day_begins_at(days_after('event_date', 1)), var('export_delay_hours')) }} then known_at
        else event_at
    end
{%- endmacro %}
