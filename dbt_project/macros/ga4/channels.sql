{# GA4's default channel group of a source and medium, the groups that differ in behaviour kept apart. #}
{% macro channel(source, medium) -%}
    case
        when {{ source }} is null and {{ medium }} is null then null
        when {{ medium }} in ('cpc', 'ppc', 'paidsearch') then 'Paid Search'
        when {{ medium }} in ('display', 'banner', 'cpm') then 'Display'
        when {{ medium }} = 'email' or {{ source }} = 'email' then 'Email'
        when {{ medium }} in ('social', 'social-network', 'sm') then 'Organic Social'
        when {{ medium }} = 'affiliate' then 'Affiliates'
        when {{ medium }} = 'organic' then 'Organic Search'
        when {{ medium }} = 'referral' then 'Referral'
        when {{ source }} = '(direct)' or {{ medium }} = '(none)' then 'Direct'
        else 'Other'
    end
{%- endmacro %}
