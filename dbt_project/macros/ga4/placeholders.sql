{# Text, or null where GA4 wrote a word for "no value". `(direct)` and `(none)` are values: they name a channel. #}
{% macro real_value(expression) -%}
    {%- set words = ['', '(not set)', '(other)', '(data deleted)', '<Other>', 'not available in demo dataset'] -%}
    {%- for word in words %}nullif({% endfor -%}
    {{ trimmed(expression) }}
    {%- for word in words %}, '{{ word }}'){% endfor -%}
{%- endmacro %}
