with

decisions as (
    select *
    from {{ ref('fct_decisions') }}
    where decision_date between {{ first_day() }} and {{ last_day() }}
),

counted as (
    select
        decision_date,
        client,
        policy,
        model,
        coalesce(version, 'none') as version,
        coalesce(campaign, 'none') as campaign,
        count(*) as asked,
        count(case when action = 'show' then 1 end) as decided_to_show,
        count(shown_at) as shown,
        count(clicked_at) as clicked,
        count(converted_at) as converted,
        count(has_bounced) as sessions_known,
        count(case when has_bounced then 1 end) as bounced,
        count(shadow_action) as shadow_scored,
        count(case when shadow_action = action then 1 end) as shadow_agreed
    from decisions
    group by decision_date, client, policy, model, coalesce(version, 'none'), coalesce(campaign, 'none')
)

select
    *,
    {{ divide('decided_to_show', 'asked') }} as show_rate,
    {{ divide('clicked', 'shown') }} as click_through_rate,
    {{ divide('converted', 'asked') }} as conversion_rate,
    {{ divide('bounced', 'sessions_known') }} as bounce_rate,
    {{ divide('shadow_agreed', 'shadow_scored') }} as shadow_agreement
from counted
