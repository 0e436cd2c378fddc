//! exec and attach: a session with a process in a container.

use std::sync::Arc;

use bireme_core::error::ApiError;
use bireme_core::runtime::{ExecSession, ExecSpec, Stdio};
use futures::{FutureExt, TryFutureExt};

use super::pod::Located;
use super::{Target, pod};
use crate::http::Reply;
use crate::limits::too_many;
use crate::query::Query;
use crate::server::Api;
use crate::streaming;

pub(super) async fn exec(api: &Arc<Api>, mut target: Target, name: &str) -> Result<Reply, ApiError> {
    let query = &target.call.query;
    let (stdio, command) = (stdio(query)?, query.all("command").map(str::to_owned).collect::<Vec<_>>());
    if name == "exec" && command.is_empty() {
        return Err(ApiError::bad_request("you must specify at least 1 command for the container"));
    }
    let place = api.streams.clone().try_acquire_owned().map_err(|_| too_many("streams"))?;
    // Upstream asks for `create`, whichever method the client uses.
    let located = pod::locate(api, &target, "create", name).await?;
    let accepted = streaming::accept(&target.call.headers, target.call.upgrade.take())?;
    let session = match name {
        "exec" => located.node.exec(&located.container, &ExecSpec { command, stdio }).await?,
        _ => attach(&located, stdio).await?,
    };
    Ok(streaming::carry(&api.env, accepted, stdio, session, api.closing.clone(), place))
}

/// Being attached ends well when the process ends, with whatever code: that is for the pod's status to say.
async fn attach(located: &Located, stdio: Stdio) -> Result<ExecSession, ApiError> {
    let session = located.node.attach(&located.container, stdio).await?;
    Ok(ExecSession { exit: session.exit.map_ok(|_| 0).boxed(), ..session })
}

/// Which streams a query asks for.
pub(crate) fn stdio(query: &Query) -> Result<Stdio, ApiError> {
    let stdio = Stdio {
        stdin: query.flag("stdin")?,
        stdout: query.flag("stdout")?,
        stderr: query.flag("stderr")?,
        tty: query.flag("tty")?,
    };
    if !(stdio.stdin || stdio.stdout || stdio.stderr) {
        return Err(ApiError::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
    }
    // A terminal has one output.
    Ok(Stdio { stderr: stdio.stderr && !stdio.tty, ..stdio })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_no_error_output_of_its_own() {
        let stdio = stdio(&Query::parse(Some("stdin=true&stdout=true&stderr=true&tty=true"))).unwrap();
        assert_eq!(stdio, Stdio { stdin: true, stdout: true, stderr: false, tty: true });
        assert!(super::stdio(&Query::parse(Some("tty=true"))).is_err());
    }
}
