//! `muster serve`: the whole system in this process.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use muster_domain::Clock as _;
use muster_domain::values::Name;
use muster_embedded::{Engine, SocketHandle};
use muster_handlers::clock::SystemClock;
use muster_handlers::http::{Causes, router};
use muster_handlers::mail::Post;
use muster_handlers::reactor::Reactor;
use muster_handlers::webhooks::{self, WebhookReactor};
use muster_identity::{KeyRing, Secrets, SigningKeys};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::args::ServeArgs;
use crate::clock;
use crate::demo;
use crate::digests;
use crate::listen::{Limits, listen};
use crate::operate::import::refuse_unfinished;
use crate::pipeline::Pipeline;
use crate::report::{Failure, failed, line, note};
use crate::setup;
use crate::store;
use crate::system::System;
use crate::tls::Tls;

/// How long requests and letters that are under way may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// How often the signing keys are looked at.
const LOOK_AT_KEYS: Duration = Duration::from_secs(1);
/// How often what has expired is removed.
const SWEEP: Duration = Duration::from_mins(10);
/// The exit code of a program that a second Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Serves until it is told to stop.
pub async fn run(args: ServeArgs) -> Result<(), Failure> {
    let stop = on_signals()?;
    let tls = args.tls.tls()?;
    // The port comes first: if it is taken, nothing was touched.
    let listener =
        TcpListener::bind(args.listen).await.map_err(|source| Failure::Listen { address: args.listen, source })?;
    // Likewise what stands in the settings and cannot be used: a first start that is refused leaves no store behind.
    let post = args.mail.post()?;
    if let Some(issuers) = &args.api.oidc_config {
        issuers.check_secrets().map_err(failed("setting the outside issuers up"))?;
    }
    let name = if args.demo { demo::admin_name()? } else { administrator()? };
    if !store::is_there(&args.data) {
        setup::check_first_admin(&args.admin, &name)?;
    }
    let engine = Engine::open(&args.data)?;
    let outcome = match Box::pin(serve(&args, name, &engine, listener, tls, post, &stop)).await {
        Err(Failure::Broken { part }) => Err(Failure::Broken { part }),
        // Told to stop before it was ready.
        Err(_) if stop.is_cancelled() => Ok(()),
        outcome => outcome,
    };
    // Closes the store.
    drop(engine);
    if outcome.is_ok() {
        tracing::info!("stopped");
    }
    outcome
}

async fn serve(
    args: &ServeArgs,
    administrator: Name,
    engine: &Engine,
    listener: TcpListener,
    tls: Option<Tls>,
    post: Post,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let (secrets, master) = store::secrets(&args.data, &engine.client()).await?;
    let Secrets { signing_keys, server_secret, personal_secret: _ } = secrets;
    let system = System::over_both(engine.client(), engine.derived_client(), Arc::new(master)).await?;
    refuse_unfinished(&system).await?;
    let ring = KeyRing::new(signing_keys.ring_keys());
    let address = listener.local_addr().map_err(failed("looking up the address"))?;
    let here = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
    let mails = post.is_there();
    let settings = args.api.settings(&here);
    let sender = system.sender(settings.webhooks.clone()).map_err(failed("putting the parts together"))?;
    let app = system.app(ring.clone(), &server_secret, settings, post.clone());
    let app = app.map_err(failed("putting the parts together"))?;
    if args.demo {
        demo::refuse_tasks(&system).await?;
    }
    let now = SystemClock.now();
    let since = if args.demo { demo::admin_since(now) } else { now };
    let sign_in = setup::first_admin(&system, &args.admin, administrator, since).await?;
    let digester = digests::digester(&system, &args.data)?;
    let socket = engine.serve_socket(&store::socket(&args.data))?;
    let wakes = &system.webhooks.wakes;
    let reactor: Arc<dyn Reactor> = Arc::new(WebhookReactor::that_wakes(Arc::clone(&sender), Arc::clone(wakes)));
    let pipeline = Pipeline::start_reacting(&system, engine.stream(&system.table("events")), vec![reactor]).await?;
    let sending = tokio::spawn(webhooks::run(sender, Arc::clone(wakes), stop.clone()));
    let sweeper = tokio::spawn(sweep(engine.clone()));
    let reminders = tokio::spawn(clock::remind(system.reminder_clock()));
    let series = tokio::spawn(clock::look_for_missed(system.recurring(), system.segments));
    let follower = tokio::spawn(follow_keys(signing_keys, ring));
    let certificate = tls.clone().map(|tls| tokio::spawn(tls.follow()));
    let digester = tokio::spawn(digests::hourly(digester));
    let over = CancellationToken::new();
    let left_out = tokio::spawn(clock::write_left_out(app.identity.access_log().clone(), over.clone()));

    // It is stopped by a signal, and when the pipeline breaks.
    let stop = &stop.child_token();
    let served = pipeline.beside(
        stop,
        Box::pin(async {
            let demo =
                if args.demo { Some(demo::fill(&system, demo::TASKS, Some(&pipeline), stop).await?) } else { None };
            let server = tokio::spawn(listen(listener, tls, router(Arc::new(app)), Limits::default(), stop.clone()));
            line(format_args!("Muster is at {here}, its data in {}. Ctrl-C ends it.", args.data.display()))?;
            if let Some(sign_in) = &sign_in {
                setup::show(&system, sign_in).await?;
            }
            demo.iter().try_for_each(demo::Report::show)?;
            if !mails {
                tracing::info!("no mail server is named: no letters are sent, and nobody gets a new password by one");
            }
            tracing::info!(%address, "listening");
            until_stopped(server, stop).await
        }),
    );
    let served = served.await;

    sweeper.abort();
    reminders.abort();
    series.abort();
    follower.abort();
    certificate.iter().for_each(JoinHandle::abort);
    digester.abort();
    sending.abort();
    post.close(GRACE).await;
    over.cancel();
    if let Err(error) = left_out.await {
        tracing::error!(%error, "refusals that were counted are not in the access log");
    }
    end(pipeline, socket).await;
    served
}

fn administrator() -> Result<Name, Failure> {
    "Administrator".parse().map_err(failed("naming the first administrator"))
}

/// Serves until it is told to stop, then gives the requests that are under way some time.
async fn until_stopped(mut server: JoinHandle<()>, stop: &CancellationToken) -> Result<(), Failure> {
    const DOING: &str = "serving";
    tokio::select! {
        ended = &mut server => return ended.map_err(failed(DOING)),
        () = stop.cancelled() => tracing::info!("stopping"),
    }
    if let Ok(ended) = timeout(GRACE, &mut server).await {
        return ended.map_err(failed(DOING));
    }
    tracing::warn!("some requests took too long and were cut off");
    server.abort();
    Ok(())
}

async fn end(pipeline: Pipeline, socket: SocketHandle) {
    pipeline.stop().await;
    socket.shutdown().await;
}

/// Removes what has expired, now and then.
async fn sweep(engine: Engine) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match engine.remove_expired().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed what has expired"),
            Err(error) => tracing::warn!(%error, "what has expired could not be removed"),
        }
    }
}

/// Takes up what `muster keys` changes, and removes the keys whose last token has expired.
async fn follow_keys(mut keys: SigningKeys, ring: KeyRing) {
    let mut ticks = interval(LOOK_AT_KEYS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (ring, now) = (ring.clone(), SystemClock.now());
        let looked = spawn_blocking(move || {
            look_at_keys(&mut keys, &ring, now);
            keys
        });
        keys = match looked.await {
            Ok(keys) => keys,
            Err(error) => return tracing::error!(%error, "changes of the signing keys are not taken up any more"),
        };
    }
}

fn look_at_keys(keys: &mut SigningKeys, ring: &KeyRing, now: DateTime<Utc>) {
    let removed = keys.remove_over(now);
    // Also what was removed just now, or could not be.
    let changed = keys.refresh();
    match (&removed, &changed) {
        (Ok(over), Ok(changed)) if over.is_empty() && !changed => return,
        (Ok(over), Ok(_)) => tracing::info!(?over, "the signing keys have changed"),
        (Err(error), _) => tracing::warn!(error = %Causes(error), "a key whose time is over could not be removed"),
        (_, Err(error)) => tracing::error!(error = %Causes(error), "the signing keys cannot be read; they stay"),
    }
    ring.replace(keys.ring_keys());
}

/// Ctrl-C and SIGTERM stop the server; a second Ctrl-C ends the program.
pub(crate) fn on_signals() -> Result<CancellationToken, Failure> {
    const DOING: &str = "listening for signals";
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed(DOING))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed(DOING))?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stopped.cancel();
        interrupt.recv().await;
        note("muster: interrupted");
        std::process::exit(INTERRUPTED);
    });
    Ok(stop)
}
