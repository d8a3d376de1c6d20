with

event_items as (
    select * from {{ ref('stg_ga4__event_items') }} where item_id is not null and {{ any_day('event_date') }}
),

items as (
    select
        item_id,
        {{ first_value_by('item_name', 'event_date') }} as item_name,
        {{ first_value_by('item_category', 'event_date') }} as item_category,
        max(price_usd) as highest_price_usd,
        count(case when event_name = 'view_item' then 1 end) as views,
        count(case when event_name = 'add_to_cart' then 1 end) as add_to_carts,
        cast(sum(case when event_name = 'purchase' then quantity else 0 end) as int64) as pieces_sold,
        coalesce(sum(revenue_usd), 0) as revenue_usd
    from event_items
    group by item_id
)

select * from items
