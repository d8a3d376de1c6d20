with

files as (
    {{ exported_files(first_day(), last_day()) }}
),

loaded as (
    select event_date, source_file, count(*) as rows_loaded
    from {{ ref('stg_ga4__events') }}
    where event_date between {{ first_day() }} and {{ last_day() }}
    group by event_date, source_file
),

counted as (
    select
        files.event_date,
        files.source_file,
        files.file_sha256,
        files.rows_read,
        coalesce(loaded.rows_loaded, 0) as rows_loaded,
        files.rows_duplicate,
        files.rows_quarantined,
        files.rows_suppressed
    from files
    left join loaded
        on files.event_date = loaded.event_date
        and files.source_file = loaded.source_file
)

select
    *,
    rows_read = rows_loaded + rows_duplicate + rows_quarantined + rows_suppressed as is_conserved
from counted
