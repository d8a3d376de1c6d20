with

decisions as (
    select *
    from {{ ref('stg_decisions') }}
    where decision_date between {{ first_day() }} and {{ last_day() }}
),

-- a session may have begun on the day before
sessions as (
    select session_key, user_pseudo_id, started_at, ended_at, is_engaged
    from {{ ref('fct_sessions') }}
    where session_date between {{ days_after(first_day(), -1) }} and {{ last_day() }}
),

-- as GA4 has it, a session lasts half an hour longer than its last event
had_in as (
    select
        decisions.decision_id,
        sessions.session_key,
        sessions.is_engaged,
        row_number() over (
            partition by decisions.decision_id order by sessions.started_at desc, sessions.session_key
        ) as place
    from decisions
    inner join sessions
        on decisions.user_pseudo_id = sessions.user_pseudo_id
        and decisions.decision_at >= sessions.started_at
        and {{ seconds_between('sessions.ended_at', 'decisions.decision_at') }} < 1800
),

joined as (
    select
        decisions.*,
        had_in.session_key,
        not had_in.is_engaged as has_bounced
    from decisions
    left join had_in
        on decisions.decision_id = had_in.decision_id
        and had_in.place = 1
)

select * from joined
