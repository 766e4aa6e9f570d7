//! Which address means what, behind the door.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query as Pairs, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use super::answer::{Fault, error, text, whole};
use super::page::PAGE;
use super::parts::Wish;
use super::site::Site;
use super::stream;
use crate::ui::json;

/// What stands behind the question mark.
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// An empty value is none.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Fault> {
        let bad = |_| Fault::Query(format!("`{name}` is not a whole number"));
        self.text(name).map(|value| value.parse().map_err(bad)).transpose()
    }

    pub(super) fn limit(&self, usual: u32, most: u32) -> Result<u32, Fault> {
        match self.number("limit")? {
            None => Ok(usual),
            Some(n) if n < 1 => Err(Fault::Query("`limit` is below 1".into())),
            Some(n) => Ok(u32::try_from(n).unwrap_or(most).min(most)),
        }
    }
}

type Asked = State<Arc<Site>>;
type Named = Pairs<BTreeMap<String, String>>;

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, site: Arc<Site>) -> io::Result<()> {
    // A message is sent when it is there.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(site)).await
}

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/api/v1/state", get(state))
        .route("/api/v1/runs", get(runs))
        .route("/api/v1/runs/{id}", get(run))
        .route("/api/v1/runs/{id}/attempts", get(attempts))
        .route("/api/v1/runs/{id}/steps", get(steps))
        .route("/api/v1/runs/{id}/events", get(run_events))
        .route("/api/v1/attempts/{id}", get(attempt))
        .route("/api/v1/attempts/{id}/log", get(log))
        .route("/api/v1/events", get(events))
        .route("/api/v1/costs", get(costs))
        .route("/api/v1/stream", get(open_stream))
        .fallback(nothing)
        .layer(from_fn_with_state(Arc::clone(&site), door))
        .with_state(site)
}

/// Nobody gets further who is not let in; every answer says what a browser may do with it.
async fn door(State(site): Asked, request: Request, next: Next) -> Response<Body> {
    let admitted = site.door.admits(request.method(), request.uri(), request.headers());
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

async fn page(State(site): Asked) -> Response<Body> {
    let mut response = whole(StatusCode::OK, "text/html; charset=utf-8", PAGE.html.clone());
    let cookie = site.door.cookie();
    for (name, value) in [(header::SET_COOKIE, &cookie), (header::CONTENT_SECURITY_POLICY, &PAGE.policy)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn nothing() -> Response<Body> {
    error(StatusCode::NOT_FOUND, "there is nothing at this address; the page is at /")
}

/// The ledger is read on another thread: a slow disk must not hold the streams.
async fn look(
    site: Arc<Site>,
    read: impl FnOnce(&Site) -> Result<Vec<u8>, Fault> + Send + 'static,
) -> Response<Body> {
    let read = move || read(&site).map(|text| site.project.mask(text));
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(text)) => whole(StatusCode::OK, "application/json", Bytes::from(text)),
        Ok(Err(fault)) => fault.response(),
        Err(_) => Fault::Broken("the request was not finished".into()).response(),
    }
}

async fn state(State(site): Asked) -> Response<Body> {
    look(site, |site| text(&site.watch.state())).await
}

async fn runs(State(site): Asked, Pairs(query): Named) -> Response<Body> {
    look(site, |site| site.runs(&Query(query))).await
}

async fn run(State(site): Asked, Path(id): Path<String>) -> Response<Body> {
    look(site, move |site| site.run(&id)).await
}

async fn attempts(State(site): Asked, Path(id): Path<String>, Pairs(query): Named) -> Response<Body> {
    look(site, move |site| site.attempts(&id, &Query(query))).await
}

async fn steps(State(site): Asked, Path(id): Path<String>) -> Response<Body> {
    look(site, move |site| site.steps(&id)).await
}

async fn run_events(State(site): Asked, Path(id): Path<String>, Pairs(query): Named) -> Response<Body> {
    look(site, move |site| site.events(Some(&id), &Query(query))).await
}

async fn events(State(site): Asked, Pairs(query): Named) -> Response<Body> {
    look(site, |site| site.events(None, &Query(query))).await
}

async fn attempt(State(site): Asked, Path(id): Path<String>) -> Response<Body> {
    look(site, move |site| site.attempt(&id)).await
}

async fn log(State(site): Asked, Path(id): Path<String>, Pairs(query): Named) -> Response<Body> {
    look(site, move |site| site.log(&id, &Query(query))).await
}

async fn costs(State(site): Asked, Pairs(query): Named) -> Response<Body> {
    look(site, |site| site.costs(&Query(query))).await
}

async fn open_stream(State(site): Asked, headers: HeaderMap, Pairs(query): Named) -> Response<Body> {
    let query = Query(query);
    // A page that comes back knows better than its address how far it was.
    let seen = headers.get("last-event-id").and_then(|v| v.to_str().ok()?.parse::<i64>().ok());
    let after = match query.number("after") {
        Ok(after) => seen.or(after),
        Err(fault) => return fault.response(),
    };
    let (run, silent) = (query.text("run"), query.text("output").is_some_and(|word| word == "no"));
    let own = Arc::clone(&site);
    let begin = tokio::task::spawn_blocking(move || -> Result<(Option<String>, i64), Fault> {
        let Some(ledger) = own.open()? else {
            return match run {
                None => Ok((None, 0)),
                Some(name) => {
                    Err(Fault::Unknown(format!("no run is called `{name}`: nothing was run here yet")))
                }
            };
        };
        let run = run.map(|name| json::run_named(&ledger, &name)).transpose()?;
        Ok((run, ledger.last_seq()?))
    });
    match begin.await {
        Ok(Ok((run, newest))) => stream::respond(&site, Wish { run, silent }, after, newest),
        Ok(Err(fault)) => fault.response(),
        Err(_) => Fault::Broken("the request was not finished".into()).response(),
    }
}
