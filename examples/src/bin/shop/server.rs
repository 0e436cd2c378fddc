//! Serving until told to stop, and stopping so that nobody is cut off.

use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use std::{io, process, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::message::{self, Request, Response};

/// How many requests are answered at a time; more wait in the listener's queue.
const WORKERS: usize = 16;
/// How long a client may take to send or receive.
const PATIENCE: Duration = Duration::from_secs(5);

/// What answers requests.
pub trait Handler: Sync {
    /// Answers a GET.
    fn get(&self, request: &Request) -> Response;
}

/// Answers requests on `address`, and `/healthz` and `/readyz` by itself, until SIGTERM or SIGINT. From then
/// on `/readyz` fails, so that no new requests are sent here; after `drain`, and when the requests at hand
/// are answered, the process ends.
pub fn serve(address: &str, drain: Duration, handler: impl Handler) -> Result<(), Box<dyn Error>> {
    let listener =
        TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    // As the first process of a container, this one gets no signal that it does not ask for.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let draining = AtomicBool::new(false);
    // Held for reading while a request is answered.
    let answering = RwLock::new(());
    println!("listening on {address}");
    thread::scope(|scope| {
        scope.spawn(|| {
            if signals.forever().next().is_some() {
                draining.store(true, Ordering::SeqCst);
                println!("stopping");
                thread::sleep(drain);
                let _all_answered = answering.write().unwrap_or_else(PoisonError::into_inner);
                process::exit(0);
            }
        });
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let connection = listener.accept();
                    let _answering = answering.read().unwrap_or_else(PoisonError::into_inner);
                    if let Err(error) =
                        connection.and_then(|(stream, _)| answer(&stream, &handler, &draining))
                    {
                        eprintln!("a request failed: {error}");
                    }
                }
            });
        }
    });
    Ok(())
}

fn answer(stream: &TcpStream, handler: &impl Handler, draining: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let response = match message::read_request(stream)? {
        Err(refused) => refused,
        Ok(request) => match request.path.as_str() {
            "/healthz" => Response::text(200, "ok"),
            "/readyz" if draining.load(Ordering::SeqCst) => Response::text(503, "stopping"),
            "/readyz" => Response::text(200, "ok"),
            _ => handler.get(&request),
        },
    };
    response.write(stream)
}
