{%- set params = [
    'ga_session_id', 'ga_session_number', 'session_engaged', 'engagement_time_msec', 'page_location', 'page_title',
    'page_referrer', 'search_term', 'source', 'medium', 'transaction_id', 'decision_id', 'policy', 'propensity', 'survey_answer'
] %}

with

events as (
    select *, {{ extract_params(params) }}
    from {{ ref('base_ga4__events') }}
),

typed as (
    select
        -- keys
        event_key,
        user_pseudo_id,
        coalesce(privacy_info.analytics_storage, 'Yes') <> 'No' as has_consent,
        {{ param_int('ga_session_id') }} as ga_session_id,

        -- times
        {{ date_from_digits('event_date') }} as event_date,
        event_timestamp,
        {{ timestamp_from_micros('event_timestamp') }} as event_at,
        {{ timestamp_from_micros('user_first_touch_timestamp') }} as user_first_touch_at,
        known_at,
        source_file,

        -- order within a timestamp
        coalesce(batch_page_id, 0) as batch_page_id,
        coalesce(batch_ordering_id, 0) as batch_ordering_id,
        coalesce(batch_event_index, 0) as batch_event_index,

        -- what happened
        event_name,
        {{ param_int('ga_session_number') }} as ga_session_number,
        {{ param_string('session_engaged') }} = '1' as is_session_engaged,
        {{ param_int('engagement_time_msec') }} as engagement_time_msec,
        {{ param_string('page_location') }} as page_location,
        {{ param_string('page_title') }} as page_title,
        {{ param_string('page_referrer') }} as page_referrer,
        {{ param_string('search_term') }} as search_term,

        -- where from
        coalesce(
            {{ real_value('session_traffic_source_last_click.manual_campaign.source') }},
            {{ real_value('collected_traffic_source.manual_source') }},
            {{ real_value(param_string('source')) }}
        ) as session_source,
        coalesce(
            {{ real_value('session_traffic_source_last_click.manual_campaign.medium') }},
            {{ real_value('collected_traffic_source.manual_medium') }},
            {{ real_value(param_string('medium')) }}
        ) as session_medium,
        {{ real_value('traffic_source.source') }} as user_source,
        {{ real_value('traffic_source.medium') }} as user_medium,

        -- on what and where
        {{ real_value('device.category') }} as device_category,
        {{ real_value('device.operating_system') }} as operating_system,
        {{ real_value('coalesce(device.web_info.browser, device.browser)') }} as browser,
        {{ real_value('device.language') }} as language,
        {{ real_value('geo.continent') }} as continent,
        {{ real_value('geo.country') }} as country,
        {{ real_value('geo.region') }} as region,
        {{ real_value('geo.city') }} as city,

        -- purchases and pop-ups
        {{ real_value('coalesce(ecommerce.transaction_id, ' ~ param_string('transaction_id') ~ ')') }} as transaction_id,
        coalesce(ecommerce.purchase_revenue_in_usd, event_value_in_usd) as revenue_usd,
        {{ param_string('decision_id') }} as decision_id,
        {{ param_string('policy') }} as policy,
        {{ param_float('propensity') }} as propensity,
        {{ real_value(param_string('survey_answer')) }} as survey_answer
    from events
),

-- the columns that are left are few and narrow, so that telling repeats apart is cheap here
distinct_events as (
    select *
    from typed
    where true
    {{ once_each() }}
)

select * from distinct_events
