with

events as (
    select event_key, event_date, event_name, items
    from {{ ref('base_ga4__events') }}
    where event_name in ('view_item', 'select_item', 'add_to_cart', 'remove_from_cart', 'begin_checkout', 'purchase')
    {{ once_each() }}
),

unnested as (
    select
        events.event_key,
        {{ date_from_digits('events.event_date') }} as event_date,
        events.event_name,
        {{ real_value('item.item_id') }} as item_id,
        {{ real_value('item.item_name') }} as item_name,
        {{ real_value('item.item_category') }} as item_category,
        item.price_in_usd as price_usd,
        coalesce(item.quantity, 1) as quantity,
        item.item_revenue_in_usd as revenue_usd
    from events
    {{ cross_join_unnest('events.items', 'item') }}
)

select * from unnested
