create table tool_health (
    tool text primary key not null,
    circuit text not null default 'closed' check (circuit in ('closed', 'open', 'half_open')),
    failures integer not null default 0,
    opened_at integer,
    runs integer not null default 0,
    success_rate real,
    latency_ms real,
    updated_at integer not null
) strict;

create table round_robin (
    rule text primary key not null,
    position integer not null
) strict;
