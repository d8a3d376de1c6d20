with

exported as (
    {{ exported_events(first_day(), last_day()) }}
),

-- rows that agree in all of this are one event that was delivered more than once
fingerprinted as (
    select
        *,
        concat(
            coalesce(user_pseudo_id, ''), '|', event_name, '|', cast(event_timestamp as string), '|',
            coalesce(cast(event_bundle_sequence_id as string), ''), '|',
            coalesce(cast(batch_page_id as string), ''), '|',
            coalesce(cast(batch_ordering_id as string), ''), '|',
            coalesce(cast(batch_event_index as string), ''), '|',
            {{ array_text('event_params', 'param', "concat(param.key, '=', coalesce(param.value.string_value, cast(param.value.int_value as string), cast(param.value.double_value as string), ''))") }}, '|',
            {{ array_text('items', 'item', "concat(coalesce(item.item_id, ''), 'x', coalesce(cast(item.quantity as string), ''))") }}
        ) as fingerprint
    from exported
),

keyed as (
    select *, {{ md5_hex('fingerprint') }} as event_key
    from fingerprinted
)

select * from keyed
