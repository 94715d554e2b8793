//! A reference to a resource in any of its spellings, brought to one form; the names of objects of
//! Kubernetes.
//!
//! `https://www.googleapis.com/compute/v1/projects/p/global/networks/n`,
//! `projects/p/global/networks/n`, `global/networks/n` and `n` all name the network `n`; the first
//! two also say in which project. Two references agree where nothing that both say differs.

use std::fmt;

/// A resource's name, and its project, location and Kubernetes namespace as far as they are said.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The project, where the spelling holds one.
    pub project: Option<String>,
    /// The region or zone, where the spelling holds one.
    pub location: Option<String>,
    /// The bare name.
    pub name: String,
}

impl Reference {
    /// Reads a URL, a partial path or a bare name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let (mut before, mut last) = ("", "");
        for segment in text.trim().split('/').filter(|segment| !segment.is_empty()) {
            let place = match before {
                "projects" => Some(&mut found.project),
                "regions" | "zones" | "locations" => Some(&mut found.location),
                _ => None,
            };
            if let Some(place) = place.filter(|place| place.is_none()) {
                *place = Some(segment.to_owned());
            }
            before = segment;
            last = segment;
        }
        last.clone_into(&mut found.name);
        found
    }

    /// A reference by project and name.
    #[must_use]
    pub fn new(project: Option<&str>, name: &str) -> Self {
        Self { project: project.map(str::to_owned), location: None, name: name.to_owned() }
    }

    /// Whether the two may name one thing in different words: a project has a number besides its
    /// id, and a network one besides its name, which begins with a letter.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        fn is_number(text: &str) -> bool {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
        }
        fn same(a: Option<&str>, b: Option<&str>) -> bool {
            let (Some(a), Some(b)) = (a, b) else { return true };
            a == b || is_number(a) != is_number(b)
        }
        same(Some(&self.name), Some(&other.name))
            && same(self.project.as_deref(), other.project.as_deref())
    }

    /// The same reference, in this project where it names none.
    #[must_use]
    pub fn or_project(mut self, project: Option<&str>) -> Self {
        if self.project.is_none() {
            self.project = project.map(str::to_owned);
        }
        self
    }

    /// The network of this name, as the API links to it: `projects/p/global/networks/n`; the name
    /// alone where its project is not known.
    #[must_use]
    pub fn network_link(&self) -> String {
        match &self.project {
            Some(project) => format!("projects/{project}/global/networks/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether both may mean the same resource: nothing that both say differs.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        fn same(a: Option<&String>, b: Option<&String>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        self.name == other.name
            && same(self.project.as_ref(), other.project.as_ref())
            && same(self.location.as_ref(), other.location.as_ref())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// `namespace/name` of an object; the namespace is empty where the manifest leaves it out.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectName {
    /// Of these.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Whether both may be one object: a manifest that names no namespace fits any.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        let open = self.namespace.is_empty() || other.namespace.is_empty();
        self.name == other.name && (open || self.namespace == other.namespace)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return f.write_str(&self.name);
        }
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn all_spellings_agree() {
        let full = Reference::parse(
            "https://compute.googleapis.com/compute/v1/projects/p/global/networks/n",
        );
        for text in ["projects/p/global/networks/n", "global/networks/n", "n"] {
            assert!(full.agrees(&Reference::parse(text)), "{text}");
        }
        assert!(!full.agrees(&Reference::parse("projects/q/global/networks/n")));
        assert!(!full.agrees(&Reference::parse("m")));
        let subnet = Reference::parse("projects/p/regions/us-central1/subnetworks/s");
        assert_eq!(subnet.location.as_deref(), Some("us-central1"));
    }
}
