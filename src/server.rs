// SPDX-License-Identifier: MPL-2.0
//! The running server: put together, started, and brought to an orderly end.

use crate::auth::Keys;
use crate::blob::ServedCountry;
use crate::core_gateway::CoreGateway;
use crate::metrics;
use crate::notices;
use crate::reload;
use crate::routes::notification::Notifications;
use crate::routes::{self, App, Condition, DemoIssuer, Telemetry};
use crate::settings::{IdentityVerification, Infobip, Redacted, Settings, WebUrl};
use anyhow::Context;
use arc_swap::{ArcSwap, ArcSwapOption};
use country::Snapshot;
use handlers::analytics::Analytics;
use handlers::clock::{Clock, SystemClock};
use handlers::core_client::Core;
use handlers::core_client::locations::LocationCache;
use handlers::current::Current;
use handlers::delivery::acceptance::Acceptance;
use handlers::delivery::core_transport::CoreTransport;
use handlers::delivery::ledger::{self, Destination};
use handlers::delivery::middleware::{HttpWire, Middleware};
use handlers::delivery::transport::{self, Transport};
use handlers::delivery::worker::{Deliveries, DeliveryTarget};
use handlers::hooks::office_codes::OfficeCodes;
use handlers::hooks::rescue::{Rescue, Unanswered};
use handlers::hooks::verification::{HttpVerifier, Identities, Verification};
use handlers::hooks::{ActionListener, Hooks};
use handlers::integrations::credentials::{Credentials, Issuer};
use handlers::integrations::forward::{self, Forwarding, Webhook};
use handlers::integrations::portal::Portal;
use handlers::integrations::reference_data::{Changes, ReferenceData};
use handlers::integrations::system_clients::SystemClients;
use handlers::notification::sms::SmsSettings;
use handlers::notification::{Channel, Informants, Offices, Sender, Smtp, Users};
use jiff::SignedDuration;
use opencrvs_toolkit::core_version::CoreVersion;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

mod activity;
mod listening;
mod rescue;

pub use listening::Listening;

/// The longest call to anything but the middleware.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15);
/// Requests under way at SIGTERM have this long to finish; Kubernetes kills after 30 s.
const GRACE: Duration = Duration::from_secs(20);
/// A message about a declaration waits this many times `DELIVERY_DELAY` for one about its registration.
const HOLD: u32 = 5;
/// Times in the ledger are looked at so often.
const MEND: Duration = Duration::from_mins(1);
/// No hook is under way for longer, but for its call of the middleware.
const UNDER_WAY: Duration = Duration::from_secs(25);
/// Old packets are erased so often.
const ERASE: Duration = Duration::from_hours(1);

/// The client that another server has created for all is looked for so often.
const LOOK_FOR_CLIENT: Duration = Duration::from_secs(5);

/// The causes of death for dashboards follow a changed file within this time.
const LOOK_AT_CAUSES: Duration = Duration::from_secs(5);

/// A server that is about to listen.
pub struct Running {
    /// What the routes answer from.
    pub app: Arc<App>,
    /// Ends what waits in core for no reason.
    pub rescue: Arc<Rescue>,
    deliveries: Arc<Deliveries>,
    /// For calls to core.
    client: reqwest::Client,
    settings: Settings,
}

/// Puts everything together. Nothing is sent or served yet.
///
/// # Errors
/// A country with errors, a ledger that nothing can be.
pub async fn assemble(settings: &Settings, country: Snapshot) -> anyhow::Result<Running> {
    let clients = clients(settings);
    let ledger = ledger::at(&settings.ledger.url, settings.ledger.encryption());
    let ledger = ledger.context("the ledger cannot be used (LEDGER_URL)")?;
    let (client, wire) = clients.await??;
    let clock = Arc::new(SystemClock);
    let wake = Arc::new(Notify::new());
    let keys = Arc::new(Keys::new(
        settings.core.auth_url.as_str(),
        client.clone(),
        ledger.clone(),
        clock.clone(),
    ));
    let core = Arc::new(core(settings, client.clone()));
    let core_transport = Arc::new(CoreTransport::new(client.clone(), core.clone()));
    let acceptance = Arc::new(Acceptance {
        core: core.clone(),
        ledger: ledger.clone(),
        clock: clock.clone(),
        schedule: settings.delivery.retry_schedule.clone(),
    });
    let middleware = Arc::new(middleware(settings, wire.clone(), &core, &acceptance)?);
    let sms = sms_settings(settings, &client);
    let country = ServedCountry::new(country, &sms);
    let country = Arc::new(ArcSwap::from_pointee(country));
    let sender = Arc::new(sender(
        settings,
        sms,
        &country,
        &core,
        &acceptance,
        clock.clone(),
    )?);
    let hold = SignedDuration::try_from(settings.delivery.delay * HOLD)?;
    let mut transports = Transports::to_all(middleware, &core_transport, &sender, hold);
    transports.add(webhooks(settings, &client, &acceptance)?, &core);
    let analytics = analytics(settings, &core, &acceptance, &country);
    transports.count(analytics.as_ref());
    let atlas = Arc::new(LocationCache::new(core.clone()));
    let portal = portal(settings, &client, &core, &atlas);
    let credentials = credentials(settings, &client, &core, atlas)?;
    let hooks = hooks(
        settings,
        &country,
        &core,
        &client,
        &acceptance,
        transports.followers,
        &wake,
    )?;
    let deliveries = Arc::new(Deliveries {
        ledger: ledger.clone(),
        targets: transports.targets,
        clock,
        schedule: settings.delivery.retry_schedule.clone(),
        timeout: TIMEOUT,
        wake,
    });
    let unanswered = Arc::new(Unanswered::at(settings.rescue.unanswered_file.as_deref()));
    let rescue = rescue(settings, wire, &core, &hooks, &deliveries, &unanswered)?;
    let users = Users {
        sender,
        deliveries: deliveries.clone(),
        login_url: settings.pages.login_url.as_str().to_owned(),
    };
    let app = Arc::new(App {
        keys,
        hooks,
        unanswered,
        system_clients: system_clients(settings, &client, &core, &ledger).into(),
        condition: Condition::new(ledger.clone()),
        ledger,
        country,
        refused_change: ArcSwapOption::empty(),
        notifications: Notifications::new(users, settings),
        core_gateway: CoreGateway::new(settings.core.version),
        telemetry: Telemetry::new(settings, &client),
        destinations: destinations(settings),
        analytics,
        portal,
        credentials,
        demo_issuer: demo_issuer(settings)?,
        metrics: metrics::handle(),
        docs: !settings.server.is_production(),
        holds_real_records: settings.server.holds_real_records(),
        origins: settings.pages.origins(),
    });
    Ok(Running {
        app,
        rescue,
        deliveries,
        client,
        settings: settings.clone(),
    })
}

/// The client for all systems but the middleware, and the way to that. Making them reads the system's
/// certificates, which takes milliseconds.
fn clients(settings: &Settings) -> JoinHandle<reqwest::Result<(reqwest::Client, HttpWire)>> {
    let (url, timeout) = (settings.mosip.interop_url.clone(), settings.mosip.timeout);
    tokio::task::spawn_blocking(move || {
        Ok((
            transport::client(TIMEOUT)?,
            HttpWire::new(url.as_str(), timeout)?,
        ))
    })
}

/// Where deliveries go with these settings. What waits in the ledger for another destination goes nowhere.
pub(crate) fn destinations(settings: &Settings) -> Vec<Destination> {
    let webhook = |url: &WebUrl| Some(forward::destination(&url.as_str().parse().ok()?));
    let webhooks = settings.forwarding.urls.iter().filter_map(webhook);
    let analytics = settings.analytics.database_url.as_ref();
    [
        Destination::MIDDLEWARE,
        Destination::CORE,
        Destination::EMAIL,
        Destination::SMS,
    ]
    .into_iter()
    .chain(webhooks)
    .chain(analytics.map(|_| Destination::ANALYTICS))
    .collect()
}

/// Everybody outside: where deliveries go, and who adds deliveries to an action.
struct Transports {
    targets: Vec<DeliveryTarget>,
    followers: Vec<Arc<dyn ActionListener>>,
}

impl Transports {
    fn to_all(
        middleware: Arc<Middleware>,
        core: &Arc<CoreTransport>,
        sender: &Arc<Sender>,
        hold: SignedDuration,
    ) -> Self {
        let to_systems: [(_, Arc<dyn Transport>); 2] = [
            (Destination::MIDDLEWARE, middleware),
            (Destination::CORE, core.clone()),
        ];
        let to_systems = to_systems.map(|(destination, transport)| DeliveryTarget {
            destination,
            transport,
        });
        let to_people = [Destination::EMAIL, Destination::SMS].map(|destination| DeliveryTarget {
            destination,
            transport: sender.clone(),
        });
        Self {
            targets: to_systems.into_iter().chain(to_people).collect(),
            followers: vec![Arc::new(Informants {
                sender: sender.clone(),
                hold,
            })],
        }
    }

    fn add(&mut self, webhooks: Vec<DeliveryTarget>, core: &Arc<Core>) {
        if webhooks.is_empty() {
            return;
        }
        let to = webhooks.iter().map(|target| target.destination.clone());
        self.followers.push(Arc::new(Forwarding {
            core: core.clone(),
            to: to.collect(),
        }));
        self.targets.extend(webhooks);
    }

    fn count(&mut self, analytics: Option<&Arc<Analytics>>) {
        let Some(analytics) = analytics else { return };
        self.followers.push(analytics.clone());
        self.targets.push(DeliveryTarget {
            destination: Destination::ANALYTICS,
            transport: analytics.clone(),
        });
    }
}

/// Brings packets to the middleware.
fn middleware(
    settings: &Settings,
    wire: HttpWire,
    core: &Arc<Core>,
    acceptance: &Arc<Acceptance>,
) -> anyhow::Result<Middleware> {
    Ok(Middleware {
        wire: Arc::new(wire),
        core: core.clone(),
        acceptance: acceptance.clone(),
        ledger: acceptance.ledger.clone(),
        clock: acceptance.clock.clone(),
        numbers: settings.hooks.registration_number_format.clone(),
        timeout: settings.mosip.timeout,
        retry_after_500: SignedDuration::try_from(settings.mosip.retry_after_500)?,
        unknown_for: SignedDuration::try_from(settings.mosip.unknown_for)?,
    })
}

/// A part of the country in use.
fn current<T: Send + Sync + 'static>(
    country: &Arc<ArcSwap<ServedCountry>>,
    part: fn(&ServedCountry) -> &Arc<T>,
) -> Current<T> {
    let country = country.clone();
    Current::new(move || part(&country.load()).clone())
}

/// Decides about actions.
fn hooks(
    settings: &Settings,
    country: &Arc<ArcSwap<ServedCountry>>,
    core: &Arc<Core>,
    client: &reqwest::Client,
    acceptance: &Arc<Acceptance>,
    followers: Vec<Arc<dyn ActionListener>>,
    wake: &Arc<Notify>,
) -> anyhow::Result<Arc<Hooks>> {
    let (ledger, clock) = (acceptance.ledger.clone(), acceptance.clock.clone());
    let offices = OfficeCodes::new(core.clone(), ledger.clone(), clock.clone());
    Ok(Arc::new(Hooks {
        policy: current(country, |country| &country.policy),
        verification: verification(settings, client),
        ledger,
        clock,
        numbers: settings.hooks.registration_number_format.clone(),
        office_codes: Some(Arc::new(offices)),
        delay: SignedDuration::try_from(settings.delivery.delay)?,
        followers,
        wake: wake.clone(),
        wakes_at: Arc::default(),
    }))
}

/// Ends what waits in core for no reason.
fn rescue(
    settings: &Settings,
    middleware: HttpWire,
    core: &Arc<Core>,
    hooks: &Arc<Hooks>,
    deliveries: &Arc<Deliveries>,
    unanswered: &Arc<Unanswered>,
) -> anyhow::Result<Arc<Rescue>> {
    let at_least = settings.mosip.timeout + UNDER_WAY;
    let database = settings.rescue.database_url.as_ref();
    Ok(Arc::new(Rescue {
        core: core.clone(),
        hooks: hooks.clone(),
        ledger: hooks.ledger.clone(),
        deliveries: deliveries.clone(),
        middleware,
        clock: hooks.clock.clone(),
        unanswered: unanswered.clone(),
        database: database.map(Redacted::expose).cloned(),
        after: SignedDuration::try_from(settings.rescue.after.max(at_least))?,
        at_least: SignedDuration::try_from(at_least)?,
        seen: Mutex::default(),
    }))
}

/// Asks the middleware about identities, if anybody is to be asked.
fn verification(settings: &Settings, client: &reqwest::Client) -> Verification {
    Verification {
        identities: match settings.hooks.identity_verification {
            IdentityVerification::IdAuth => Identities::Ask(Arc::new(HttpVerifier::new(
                client.clone(),
                settings.mosip.interop_url.as_str(),
            ))),
            IdentityVerification::AssumeVerified => Identities::Assume,
            IdentityVerification::Off => Identities::Leave,
        },
        on: settings.hooks.verify_on.clone(),
    }
}

/// Brings messages to people.
fn sender(
    settings: &Settings,
    sms: SmsSettings,
    country: &Arc<ArcSwap<ServedCountry>>,
    core: &Arc<Core>,
    acceptance: &Arc<Acceptance>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Sender> {
    let smtp = settings.mail.smtp().map(Smtp::new).transpose();
    let smtp = smtp.context("the system's certificates cannot be read")?;
    Ok(Sender {
        config: current(country, |country| &country.messages),
        sms,
        mail: Arc::new(Channel::of(smtp, settings.server.is_production())),
        core: core.clone(),
        acceptance: acceptance.clone(),
        offices: Offices::new(core.clone(), clock.clone()),
        ledger: acceptance.ledger.clone(),
        clock,
    })
}

/// What the settings say about SMS gateways.
pub(crate) fn sms_settings(settings: &Settings, client: &reqwest::Client) -> SmsSettings {
    let sms = &settings.sms;
    SmsSettings {
        client: client.clone(),
        infobip: sms.infobip.as_ref().map(|Infobip(own)| own.clone()),
        ignores_own_gateway: settings.ignores_own_sms_gateway,
        infobip_key: sms.infobip_key.clone().unwrap_or_default(),
        gateway_key: sms.gateway_key.clone().unwrap_or_default(),
        sender: sms.infobip_sender.clone().unwrap_or_default(),
        production: settings.server.is_production(),
    }
}

/// Whoever learns of every accepted action.
fn webhooks(
    settings: &Settings,
    client: &reqwest::Client,
    acceptance: &Arc<Acceptance>,
) -> anyhow::Result<Vec<DeliveryTarget>> {
    let secret = settings.forwarding.secret.as_ref();
    let secret = secret.map(Redacted::expose);
    let urls = settings.forwarding.urls.iter();
    let webhook = |url: &WebUrl| {
        let webhook = Webhook {
            client: client.clone(),
            acceptance: acceptance.clone(),
            clock: Arc::new(SystemClock),
            url: url.as_str().parse()?,
            secret: secret.cloned(),
        };
        Ok(webhook.into())
    };
    urls.map(webhook).collect()
}

fn demo_issuer(settings: &Settings) -> anyhow::Result<Option<DemoIssuer>> {
    settings
        .server
        .allow_demo
        .then(|| DemoIssuer::new(&settings.server.url))
        .transpose()
}

/// Creates system clients in core.
fn system_clients(
    settings: &Settings,
    client: &reqwest::Client,
    core: &Arc<Core>,
    ledger: &Arc<dyn ledger::Ledger>,
) -> SystemClients {
    let presets = settings.core.integration_credentials.as_ref();
    SystemClients::new(
        client.clone(),
        settings.core.events_url.as_str(),
        core.clone(),
        ledger.clone(),
        Arc::new(SystemClock),
        presets.map(Redacted::expose).cloned().unwrap_or_default(),
        settings.core.system_client(),
    )
}

fn portal(
    settings: &Settings,
    client: &reqwest::Client,
    core: &Arc<Core>,
    atlas: &Arc<LocationCache>,
) -> Option<Arc<Portal>> {
    let tokens = settings.portal.tokens.as_ref()?;
    Some(Arc::new(Portal::new(
        client.clone(),
        core.clone(),
        atlas.clone(),
        tokens.expose().clone(),
        settings.portal.operations.clone(),
    )))
}

fn credentials(
    settings: &Settings,
    client: &reqwest::Client,
    core: &Arc<Core>,
    atlas: Arc<LocationCache>,
) -> anyhow::Result<Credentials> {
    let issuer = |url: &Option<WebUrl>| {
        let issuer = |url: &WebUrl| {
            anyhow::Ok(Issuer {
                url: url.as_str().parse()?,
                token: settings.credentials.issuer_token.clone(),
            })
        };
        url.as_ref().map(issuer).transpose()
    };
    Ok(Credentials {
        client: client.clone(),
        core: core.clone(),
        atlas,
        offer: issuer(&settings.credentials.offer_url)?,
        paper: issuer(&settings.credentials.sign_url)?,
    })
}

fn analytics(
    settings: &Settings,
    core: &Arc<Core>,
    acceptance: &Arc<Acceptance>,
    country: &Arc<ArcSwap<ServedCountry>>,
) -> Option<Arc<Analytics>> {
    let url = settings.analytics.database_url.as_ref()?;
    Some(Arc::new(Analytics::new(
        url.expose().clone(),
        core.clone(),
        acceptance.clone(),
        current(country, |country| &country.statistics),
    )))
}

/// Core, as these settings reach it.
pub(crate) fn core(settings: &Settings, client: reqwest::Client) -> Core {
    Core::new(
        client,
        settings.core.gateway_url.as_str(),
        settings.core.auth_url.as_str(),
        settings.core.system_client(),
        Arc::new(SystemClock),
    )
}

/// Core as commands reach it: as the client of the settings, or as the one that core has created for this server.
pub(crate) async fn core_for_command(
    settings: &Settings,
    ledger: &Arc<dyn ledger::Ledger>,
) -> anyhow::Result<Arc<Core>> {
    let client = transport::client(TIMEOUT)?;
    let core = Arc::new(core(settings, client.clone()));
    if !core.may_ask() && settings.core.version >= CoreVersion::V2_0_1 {
        let country = country::load(&settings.country())
            .map_err(|problems| anyhow::anyhow!(crate::report::problems(&problems)))?;
        let own = system_clients(settings, &client, &core, ledger);
        own.adopt_own(&country.integrations).await?;
    }
    Ok(core)
}

/// Serves until SIGTERM or SIGINT, then finishes what is under way.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let country = country::load(&settings.country())
        .map_err(|problems| anyhow::anyhow!(crate::report::problems(&problems)))?;
    if settings.ledger.key.is_none() {
        warn!("LEDGER_KEY is not set: tokens and packets are stored unencrypted in the ledger");
    }
    let is_created = settings.core.version >= CoreVersion::V2_0_1
        && country
            .integrations
            .iter()
            .any(|client| client.for_this_server);
    if settings.core.system_client_id.is_none() && is_created {
        info!(
            "SYSTEM_CLIENT_ID is not set: core creates the system client for this server when it starts, and is asked nothing before"
        );
    } else if settings.core.system_client_id.is_none() {
        warn!(
            "SYSTEM_CLIENT_ID is not set: packets are sent after DELIVERY_DELAY without asking core about the action. Packets that the middleware answers with 500, and deliveries with an expired token, are parked at once"
        );
    }
    notices::say(settings, &country);
    say_what_is_off(settings);
    listening::raise_file_limit();
    let listener = Listening::on(settings.server.listen())
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}; is the port taken?",
                settings.server.listen()
            )
        })?;
    run(assemble(settings, country).await?, listener).await
}

/// What does nothing for want of a setting: said once, so that nobody has to find out.
fn say_what_is_off(settings: &Settings) {
    let doors = [
        (
            "the table of causes of death (REFERENCE_DATA_DATABASE_URL)",
            settings.analytics.reference_data_url.is_some(),
        ),
        (
            "forwarding (FORWARD_ACTIONS_TO)",
            !settings.forwarding.urls.is_empty(),
        ),
        (
            "the portals' API (PORTAL_TOKENS)",
            settings.portal.tokens.is_some(),
        ),
        (
            "offers of verifiable credentials (VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL)",
            settings.credentials.offer_url.is_some(),
        ),
        (
            "verifiable credentials on paper (VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL)",
            settings.credentials.sign_url.is_some(),
        ),
        (
            "analytics (ANALYTICS_DATABASE_URL)",
            settings.analytics.database_url.is_some(),
        ),
    ];
    let off: Vec<_> = doors
        .into_iter()
        .filter(|(_, on)| !on)
        .map(|(door, _)| door)
        .collect();
    if !off.is_empty() {
        info!(
            "Disabled, because their settings are missing: {}",
            off.join(", ")
        );
    }
    if !settings.forwarding.urls.is_empty() && settings.forwarding.secret.is_none() {
        warn!("FORWARD_SECRET is not set: forwarded events are not signed");
    }
    if !settings.forwarding.urls.is_empty() && settings.core.system_client_id.is_none() {
        warn!(
            "SYSTEM_CLIENT_ID is not set: actions that wait for the middleware are not forwarded, because core cannot be asked about them"
        );
    }
}

/// The same on a socket that listens already.
///
/// # Errors
/// When the server breaks off.
pub async fn run(running: Running, listener: Listening) -> anyhow::Result<()> {
    let Running {
        app,
        rescue,
        deliveries,
        client,
        settings,
    } = running;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(deliveries.run(stopped));
    let (keys, ledger) = (app.keys.clone(), app.ledger.clone());
    let mut beside = JoinSet::new();
    beside.spawn(open(app.clone()));
    beside.spawn(mend(app.clone()));
    if settings.core.version >= CoreVersion::V2_0_1 {
        beside.spawn(look_for_client(app.clone()));
    }
    let gateway_url = settings.core.gateway_url.clone();
    let watching = app.clone();
    beside.spawn(async move {
        let seen = &watching.core_gateway;
        seen.watch(client, gateway_url.as_str()).await;
    });
    beside.spawn(rescue::keep_up(rescue, settings.rescue.mode));
    let production = settings.server.is_production();
    beside.spawn(async move { keys.keep_fresh(production).await });
    beside.spawn(erase(app.clone(), settings.ledger.retention));
    beside.spawn(metrics::keep_up(app.metrics.clone()));
    if let Some(url) = &settings.analytics.reference_data_url {
        beside.spawn(keep_reference_data(app.clone(), url.expose().clone()));
    }
    beside.spawn(keep_office_codes(app.clone()));
    beside.spawn(reload::watch(app.clone(), settings.clone()));
    if let Some(analytics) = app.analytics.clone() {
        beside.spawn(async move { analytics.keep_up().await });
    }
    reload::compress_later(&app.country.load_full());
    info!("Listening on {}", listener.address());
    let signal = async {
        if told_to_stop().await == Stop::Rollout {
            app.condition.stops();
            let delay = settings.server.shutdown_delay;
            info!("SIGTERM: not ready any more, accepting requests for {delay:?}");
            tokio::time::sleep(delay).await;
        }
        info!("Finishing requests and deliveries in progress");
        stop.send_replace(true);
    };
    listener.serve(routes::endpoint(&app), signal, GRACE).await;
    beside.shutdown().await;
    worker.await?;
    if let Err(error) = ledger.close().await {
        warn!(
            error = &error as &dyn std::error::Error,
            "The ledger was left open"
        );
    }
    info!("Stopped");
    Ok(())
}

/// Opens the ledger, however long that takes: the configuration is served meanwhile, and hooks wait.
async fn open(app: Arc<App>) {
    let mut is_told = false;
    while let Err(error) = app.ledger.prepare().await {
        if !std::mem::replace(&mut is_told, true) {
            error!(
                error = &error as &dyn std::error::Error,
                "Could not open the ledger (LEDGER_URL, LEDGER_KEY): hooks are not answered; next attempt every second"
            );
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if is_told {
        info!("The ledger is open");
    }
    app.keys.recall().await;
}

/// Waits until the ledger has the client that core has created for this server, or for another that shares the
/// ledger.
async fn look_for_client(app: Arc<App>) {
    loop {
        let wanted = app.country.load().integrations.clone();
        // Where the ledger does not answer, others say so.
        if let Ok(true) = app.system_clients.adopt_own(&wanted).await {
            return;
        }
        tokio::time::sleep(LOOK_FOR_CLIENT).await;
    }
}

/// Sets right what was written by a clock that was ahead. Never ends.
async fn mend(app: Arc<App>) {
    loop {
        tokio::time::sleep(MEND).await;
        match app.ledger.mend(app.hooks.clock.now()).await {
            Ok(0) => {}
            Ok(mended) => {
                warn!(
                    mended,
                    "{mended} waits were stored with a wrong clock; they end now"
                );
                app.hooks.wake.notify_one();
            }
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                "Could not check the times in the ledger"
            ),
        }
    }
}

/// Erases the packets that have arrived long ago. Never ends.
async fn erase(app: Arc<App>, retention: Duration) {
    let retention = SignedDuration::try_from(retention).unwrap_or(SignedDuration::MAX);
    loop {
        if let Ok(before) = app.hooks.clock.now().checked_sub(retention) {
            match app.ledger.erase(before).await {
                Ok(0) => {}
                Ok(n) => info!("Erased {n} packets that ended before {before}"),
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "Could not erase old packets; next attempt in an hour"
                    );
                }
            }
        }
        tokio::time::sleep(ERASE).await;
    }
}

/// Keeps the offices that registration numbers tell of. Never ends.
async fn keep_office_codes(app: Arc<App>) {
    let Some(offices) = &app.hooks.office_codes else {
        return;
    };
    let needed = || app.hooks.policy.load().numbers.need_offices();
    offices.keep_up(needed).await;
}

/// Keeps the table of causes of death for dashboards as the country's file says. Never ends.
async fn keep_reference_data(app: Arc<App>, data: ReferenceData) {
    let mut kept = Arc::default();
    loop {
        let causes = app.country.load().causes_of_death.clone();
        let mut pause = LOOK_AT_CAUSES;
        // A country without a list leaves the table alone.
        if !causes.is_empty() && !Arc::ptr_eq(&kept, &causes) {
            match data.bring_in_step(&causes).await {
                Ok(Changes { written, retired }) => {
                    info!(
                        written,
                        retired, "The table of causes of death is synchronised"
                    );
                    kept = causes;
                }
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "Could not synchronise the table of causes of death (REFERENCE_DATA_DATABASE_URL); next attempt in a minute"
                    );
                    pause = Duration::from_mins(1);
                }
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// How the process was told to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// SIGTERM: requests still come until everybody has learned of it.
    Rollout,
    /// Ctrl-C.
    Now,
}

async fn told_to_stop() -> Stop {
    #[cfg(unix)]
    {
        let terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        if let Ok(mut terminated) = terminated {
            return tokio::select! {
                _ = terminated.recv() => Stop::Rollout,
                _ = tokio::signal::ctrl_c() => Stop::Now,
            };
        }
    }
    drop(tokio::signal::ctrl_c().await);
    Stop::Now
}
