//! Who speaks to the API.

/// A user as Kubernetes knows it: a name and the groups it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The name, such as `kubernetes-admin` or `system:node:node-1`.
    pub user: String,
    /// The groups, such as `system:masters`.
    pub groups: Vec<String>,
}

impl Identity {
    /// The group whose members may do everything.
    pub const ADMIN_GROUP: &str = "system:masters";
    /// The group of the kubelets.
    pub const NODE_GROUP: &str = "system:nodes";

    /// A user who may do everything.
    pub fn admin(user: &str) -> Self {
        Self { user: user.to_owned(), groups: vec![Self::ADMIN_GROUP.to_owned()] }
    }

    /// The kubelet of a node.
    pub fn node(name: &str) -> Self {
        Self { user: format!("system:node:{name}"), groups: vec![Self::NODE_GROUP.to_owned()] }
    }

    /// A component of the control plane, such as `kube-scheduler`.
    pub fn component(name: &str) -> Self {
        Self::admin(&format!("system:{name}"))
    }

    /// The name of the node whose kubelet this is.
    pub fn node_name(&self) -> Option<&str> {
        let is_node = self.groups.iter().any(|group| group == Self::NODE_GROUP);
        self.user.strip_prefix("system:node:").filter(|_| is_node)
    }
}
