with

said as (
    select *
    from {{ source('models', 'user_model_scores') }}
    where feature_date between {{ first_day() }} and {{ last_day() }}
),

scored as (
    select
        user_pseudo_id,
        feature_date,
        max(feature_at) as feature_at,
        max(known_at) as known_at,
        max(case when model = 'purchase_propensity' then score end) as purchase_probability_7d,
        max(case when model = 'purchase_propensity' then version end) as purchase_version,
        max(case when model = 'churn' then score end) as churn_probability_30d,
        max(case when model = 'churn' then version end) as churn_version,
        max(case when model = 'buyer_stage' then answer end) as stage_name,
        max(case when model = 'buyer_stage' then score end) as stage_score,
        max(case when model = 'buyer_stage' then version end) as stage_version
    from said
    group by user_pseudo_id, feature_date
)

select * from scored
