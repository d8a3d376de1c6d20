with

recorded as (
    select *
    from {{ source('decisions', 'decision_log') }}
    where decision_date between {{ first_day() }} and {{ last_day() }}
),

typed as (
    select
        decision_id,
        decision_date,
        {{ timestamp_from_micros('moment') }} as decision_at,
        client,
        -- what is left of a user who was erased tells no user
        case when user_pseudo_id <> '(erased)' then user_pseudo_id end as user_pseudo_id,
        model,
        version,
        case
            when score is null then 'fallback'
            when action_probability < 1 then 'exploration'
            else 'threshold'
        end as policy,
        score,
        threshold,
        action,
        campaign,
        -- what was shown before there were channels was a pop-up
        case when action = 'show' then coalesce(channel, 'pop_up') end as channel,
        reason,
        action_probability,
        shadow_version,
        shadow_score,
        case
            when shadow_score >= shadow_threshold then 'show'
            when shadow_score < shadow_threshold then 'nothing'
        end as shadow_action,
        {{ timestamp_from_micros('shown_at') }} as shown_at,
        {{ timestamp_from_micros('closed_at') }} as closed_at,
        {{ timestamp_from_micros('clicked_at') }} as clicked_at,
        {{ timestamp_from_micros('converted_at') }} as converted_at
    from recorded
)

select * from typed
