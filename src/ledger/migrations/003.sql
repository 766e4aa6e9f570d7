-- The steps of a workstream's run. Attempts at them stand in step_attempts.
create table steps (
    run_id text not null references runs (run_id),
    step_id text not null,
    place integer not null check (place >= 0),
    state text not null
        check (state in ('pending', 'ready', 'running', 'succeeded', 'failed', 'skipped', 'canceled')),
    changed_at integer not null,
    reason text,
    primary key (run_id, step_id)
) strict, without rowid;
