{# The events of the days from `first` to `last`, dates both included: with `event_key`, which is the same for each delivery
   of an event, the `source_file` that brought a row, and `known_at`, when the platform knew it. #}
{% macro exported_events(first, last) %}
    {{- return(adapter.dispatch('exported_events', 'tactful')(first, last)) -}}
{% endmacro %}

{% macro duckdb__exported_events(first, last) %}
    select * replace (cast(known_at as timestamp) as known_at)
    from {{ source('ga4_export', 'events') }}
    where event_date between strftime({{ first }}, '%Y%m%d') and strftime({{ last }}, '%Y%m%d')
{% endmacro %}

{% macro bigquery__exported_events(first, last) %}
    select
        *,
        {{ bigquery__event_key() }} as event_key,
        concat('events_', _table_suffix) as source_file,
        {{ hours_after(day_begins_at(days_after("parse_date('%Y%m%d', event_date)", 1)), var('export_delay_hours')) }} as known_at
    from {{ source('ga4_export', 'events') }}
    where _table_suffix between format_date('%Y%m%d', {{ first }}) and format_date('%Y%m%d', {{ last }})
{% endmacro %}


{# What landing states of landed rows as FINGERPRINT (ga4_export/identity.py), for the export's own tables. #}
{% macro bigquery__event_key() -%}
    to_hex(md5(concat(
        coalesce(user_pseudo_id, ''), '|',
        coalesce(event_name, ''), '|',
        coalesce(cast(event_timestamp as string), ''), '|',
        {%- for column in ['event_bundle_sequence_id', 'batch_page_id', 'batch_ordering_id', 'batch_event_index'] %}
        coalesce(cast({{ column }} as string), ''), '|',
        {%- endfor %}
        {{ array_text('event_params', 'param', "concat(param.key, '=', coalesce(param.value.string_value, cast(param.value.int_value as string), cast(safe_cast(round(coalesce(param.value.double_value, param.value.float_value) * 1000000) as int64) as string), ''))") }}, '|',
        {{ array_text('items', 'item', "concat(coalesce(item.item_id, ''), 'x', coalesce(cast(item.quantity as string), ''))") }}
    )))
{%- endmacro %}


{# One row for each event: landing has seen to it, and the export's own tables hold what was delivered twice. #}
{% macro once_each() %}
    {{- return(adapter.dispatch('once_each', 'tactful')()) -}}
{% endmacro %}

{% macro duckdb__once_each() %}{% endmacro %}

{% macro bigquery__once_each() -%}
    qualify row_number() over (partition by event_date, event_key order by known_at) = 1
{%- endmacro %}


{# Where each file's rows went when it was landed; the export's own tables are read as they are. #}
{% macro exported_files(first, last) %}
    {{- return(adapter.dispatch('exported_files', 'tactful')(first, last)) -}}
{% endmacro %}

{% macro duckdb__exported_files(first, last) %}
    select
        cast(day as date) as event_date,
        file.name as source_file,
        file.sha256 as file_sha256,
        file.rows_read,
        file.rows_duplicate,
        file.rows_quarantined,
        file.rows_suppressed
    from read_json('{{ var("landed_manifests") }}')
    cross join unnest(files) as listed(file)
    where cast(day as date) between {{ first }} and {{ last }}
{% endmacro %}

{% macro bigquery__exported_files(first, last) %}
    select
        parse_date('%Y%m%d', event_date) as event_date,
        source_file,
        cast(null as string) as file_sha256,
        count(*) as rows_read,
        count(*) - count(distinct event_key) as rows_duplicate,
        0 as rows_quarantined,
        0 as rows_suppressed
    from ({{ exported_events(first, last) }})
    group by event_date, source_file
{% endmacro %}
