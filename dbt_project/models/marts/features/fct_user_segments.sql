with

labels as (
    select *
    from {{ source('models', 'user_segment_labels') }}
    where feature_date between {{ first_day() }} and {{ last_day() }}
),

described as (
    select
        user_pseudo_id,
        feature_date,
        feature_at,
        known_at,
        id as segment_id,
        name as segment_name,
        version as segment_version
    from labels
)

select * from described
