//! Images.

use super::Program;
use super::kit::Site;
use crate::runtime::{ContainerSpec, ImageImport, RuntimeError};

pub(super) async fn an_import_is_made_once(site: &Site<'_>) {
    let import = site.rig.import();
    let first = site.runtime.import_image(&import).await.expect("imported");
    assert_eq!(site.runtime.import_image(&import).await.expect("imported"), first);
    assert!(first.references.contains(&import.reference), "{first:?}");
    assert_eq!(site.runtime.image(&import.reference).await.expect("looked at").as_ref(), Some(&first));
    let all = site.runtime.images().await.expect("listed");
    assert_eq!(all.iter().filter(|image| image.id == first.id).count(), 1);
    let other = ImageImport { command: vec!["other".to_owned()], ..import };
    let other = site.runtime.import_image(&other).await.expect("imported");
    assert_ne!(other.id, first.id, "other settings make another image");
    for id in [&first.id, &other.id] {
        site.runtime.remove_image(id).await.expect("removed");
    }
}

pub(super) async fn an_image_that_is_used_stays(site: &Site<'_>) {
    let import = site.rig.import();
    let image = site.runtime.import_image(&import).await.expect("imported");
    let sandbox = site.sandbox("web").await;
    let spec = ContainerSpec { image: import.reference.clone(), ..site.spec("main", Program::Exits(0)) };
    let id = site.create(&sandbox, &spec).await;
    let error = site.runtime.remove_image(&image.id).await.expect_err("it is used");
    assert!(matches!(error, RuntimeError::InUse(_)), "{error:?}");
    assert!(site.runtime.image(&import.reference).await.expect("looked at").is_some());
    site.runtime.remove_container(&id).await.expect("removed");
    for _ in 0..2 {
        site.runtime.remove_image(&image.id).await.expect("nothing uses it");
    }
    assert_eq!(site.runtime.image(&import.reference).await.expect("looked at"), None);
}

pub(super) async fn an_image_that_is_not_here_is_none(site: &Site<'_>) {
    assert_eq!(site.runtime.image("bireme.dev/absent:1").await.expect("looked at"), None);
}
