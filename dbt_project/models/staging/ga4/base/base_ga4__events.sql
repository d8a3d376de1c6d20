with

exported as (
    {{ exported_events(first_day(), last_day()) }}
)

select * from exported
