//! As whom a container runs: names in the image's own accounts.

use bireme_core::runtime::{ContainerUser, RuntimeError};

/// A user, as the kernel knows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    pub(crate) home: String,
}

/// The text of an image's `/etc/passwd` and `/etc/group`; empty when it has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) passwd: String,
    pub(crate) group: String,
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl Accounts {
    fn accounts(&self) -> impl Iterator<Item = Account<'_>> {
        self.passwd.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
            Some(Account { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
        })
    }

    /// Name, number and members.
    fn groups(&self) -> impl Iterator<Item = (&str, u32, &str)> {
        self.group.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, gid, members, ..] = fields[..] else { return None };
            Some((name, gid.parse().ok()?, members))
        })
    }

    /// The user that the pod asks for, or that the image names as `user[:group]`, each by name or number.
    pub(crate) fn resolve(&self, image: &str, asked: Option<&ContainerUser>) -> Result<User, RuntimeError> {
        let unknown = |what: &str, name: &str| {
            RuntimeError::Unsupported(format!(
                "unable to find {what} {name}: no matching entries in the image"
            ))
        };
        let (user, group) = image.split_once(':').map_or((image, None), |(user, group)| (user, Some(group)));
        let user = match asked.and_then(|asked| asked.uid) {
            Some(uid) => &uid.to_string(),
            None if user.is_empty() => "0",
            None => user,
        };
        let number: Option<u32> = user.parse().ok();
        let account =
            self.accounts().find(|account| number.map_or(account.name == user, |uid| account.uid == uid));
        let uid = match (number, &account) {
            (Some(uid), _) => uid,
            (None, Some(account)) => account.uid,
            (None, None) => return Err(unknown("user", user)),
        };
        // The group that the image names goes with the user that it names.
        let group = group.filter(|_| asked.is_none_or(|asked| asked.uid.is_none()));
        let gid = match (asked.and_then(|asked| asked.gid), group) {
            (Some(gid), _) => u32::try_from(gid).map_err(|_| unknown("group", &gid.to_string()))?,
            (None, Some(group)) => match group.parse() {
                Ok(gid) => gid,
                Err(_) => {
                    let found = self.groups().find(|(name, ..)| *name == group);
                    found.ok_or_else(|| unknown("group", group))?.1
                }
            },
            (None, None) => account.as_ref().map_or(0, |account| account.gid),
        };
        let mut groups = Vec::new();
        if let Some(account) = &account {
            let of = |members: &str| members.split(',').any(|member| member == account.name);
            groups.extend(self.groups().filter(|(_, _, members)| of(members)).map(|(_, gid, _)| gid));
        }
        for asked in asked.iter().flat_map(|asked| &asked.supplementary_groups) {
            groups.push(u32::try_from(*asked).map_err(|_| unknown("group", &asked.to_string()))?);
        }
        let home = account.map_or("", |account| account.home);
        let home = if home.is_empty() { "/" } else { home }.to_owned();
        Ok(User { uid, gid, groups, home })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/var/www:/bin/false\nbroken".into(),
            group: "root:x:0:\nwww:x:35:web,other\nlogs:x:36:other".into(),
        }
    }

    fn resolve(image: &str, asked: Option<ContainerUser>) -> (u32, u32, Vec<u32>, String) {
        let user = accounts().resolve(image, asked.as_ref()).unwrap();
        (user.uid, user.gid, user.groups, user.home)
    }

    #[test]
    fn the_images_user_may_be_a_name_or_a_number() {
        assert_eq!(resolve("", None), (0, 0, vec![], "/root".into()));
        for web in ["web", "33"] {
            assert_eq!(resolve(web, None), (33, 34, vec![35], "/var/www".into()));
        }
        assert_eq!(resolve("web:logs", None).1, 36);
        assert_eq!(resolve("1000:2000", None), (1000, 2000, vec![], "/".into()));
        let nobody = accounts().resolve("nobody", None).unwrap_err();
        assert!(nobody.to_string().contains("unable to find user nobody"), "{nobody}");
    }

    #[test]
    fn what_the_pod_asks_for_stands_over_the_images() {
        let asked = ContainerUser { uid: Some(1000), gid: None, supplementary_groups: vec![7] };
        assert_eq!(resolve("web:logs", Some(asked)), (1000, 0, vec![7], "/".into()));
        let group = ContainerUser { uid: None, gid: Some(9), supplementary_groups: vec![] };
        assert_eq!(resolve("web:logs", Some(group)), (33, 9, vec![35], "/var/www".into()));
    }
}
