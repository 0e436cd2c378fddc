//! A registry of one image, on this machine: what an engine asks of one when it pulls. The tests of every engine use it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::runtime::{ImageImport, RegistryAuth, Runtime, RuntimeError};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// `captain:secret`, as HTTP's basic authentication encodes it.
const AUTHORIZATION: &str = "basic y2fwdgfpbjpzzwnyzxq=";

/// What is answered to each path: the kind and the content.
type Content = HashMap<String, (&'static str, Vec<u8>)>;

fn digest(bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hash}")
}

/// An image of one layer for two platforms, of which the other one's is not there.
fn content(image: &ImageImport) -> Content {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    let layer = image.layer.to_vec();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = format!(
        r#"{{"architecture":"{architecture}","os":"linux","config":{{"Env":["PATH=/bin"],"Cmd":["sh"]}},
            "rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        digest(&layer)
    );
    let blob = |kind: &str, bytes: &[u8]| {
        format!(r#"{{"mediaType":"{kind}","digest":"{}","size":{}}}"#, digest(bytes), bytes.len())
    };
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
        blob("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        blob("application/vnd.oci.image.layer.v1.tar", &layer),
    );
    let entry = |manifest: &str, architecture: &str| {
        format!(
            r#"{{"mediaType":"{MANIFEST}","digest":"{}","size":{},
                "platform":{{"os":"linux","architecture":"{architecture}"}}}}"#,
            digest(manifest.as_bytes()),
            manifest.len()
        )
    };
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{},{}]}}"#,
        entry("elsewhere", "s390x"),
        entry(&manifest, architecture),
    );
    let bytes = "application/octet-stream";
    HashMap::from([
        ("/v2/".to_owned(), ("application/json", b"{}".to_vec())),
        ("/v2/shop/manifests/1".to_owned(), (INDEX, index.clone().into_bytes())),
        (format!("/v2/shop/manifests/{}", digest(index.as_bytes())), (INDEX, index.into_bytes())),
        (format!("/v2/shop/manifests/{}", digest(manifest.as_bytes())), (MANIFEST, manifest.into_bytes())),
        (format!("/v2/shop/blobs/{}", digest(config.as_bytes())), (bytes, config.into_bytes())),
        (format!("/v2/shop/blobs/{}", digest(&layer)), (bytes, layer)),
    ])
}

async fn serve(mut stream: TcpStream, content: Arc<Content>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(request) = lines.next_line().await? {
        let mut is_known = false;
        while let Some(line) = lines.next_line().await?.filter(|line| !line.is_empty()) {
            let line = line.to_ascii_lowercase();
            is_known |= line.strip_prefix("authorization: ") == Some(AUTHORIZATION);
        }
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let missing = ("application/json", br#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#.to_vec());
        let (status, (kind, body)) = match content.get(path) {
            _ if !is_known => ("401 Unauthorized", &("application/json", b"{}".to_vec())),
            Some(found) => ("200 OK", found),
            None => ("404 Not Found", &missing),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {}\r\n\
             WWW-Authenticate: Basic realm=\"test\"\r\n\r\n",
            body.len(),
            digest(body),
        );
        writer.write_all(head.as_bytes()).await?;
        if method != "HEAD" {
            writer.write_all(body).await?;
        }
    }
    Ok(())
}

async fn start(image: &ImageImport) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let content = Arc::new(content(image));
    let env = Environment::system();
    drop(env.clone().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(env.spawn(serve(stream, content.clone())));
        }
    }));
    address
}

/// An image comes from its registry to those who may have it, under the name that was asked for.
pub async fn images_are_pulled(runtime: &dyn Runtime, image: &ImageImport) {
    let address = start(image).await;
    let reference = format!("{address}/shop:1");
    let auth = RegistryAuth { username: "captain".to_owned(), password: "secret".to_owned() };
    let refused = runtime.pull_image(&reference, None).await;
    assert!(matches!(refused, Err(RuntimeError::Pull { .. })), "{refused:?}");
    assert_eq!(runtime.image(&reference).await.unwrap(), None);

    let pulled = runtime.pull_image(&reference, Some(&auth)).await.unwrap();
    assert!(pulled.references.contains(&reference), "{pulled:?}");
    assert!(pulled.size > 0);
    assert_eq!(runtime.image(&reference).await.unwrap().as_ref(), Some(&pulled));
    assert_eq!(runtime.pull_image(&reference, Some(&auth)).await.unwrap(), pulled, "again changes nothing");

    let absent = runtime.pull_image(&format!("{address}/shop:2"), Some(&auth)).await;
    assert!(matches!(absent, Err(RuntimeError::Pull { .. })), "{absent:?}");
    runtime.remove_image(&pulled.id).await.unwrap();
    assert_eq!(runtime.image(&reference).await.unwrap(), None);
}
