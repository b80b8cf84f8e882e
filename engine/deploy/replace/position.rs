//! Where images are in Kubernetes objects.

/// The position of a value in a Kubernetes object, to the extent that it matters for images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    part: Part,
    /// Whether the object is of another kind, in which the key `image` counts nearly everywhere.
    is_other_kind: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// An object with these keys on the way to its pod template's `spec`.
    Above(&'static [&'static str]),
    PodSpec,
    Containers,
    Container,
    Volumes,
    Volume,
    VolumeImage,
    Environment,
    Variable,
    VariableValue,
    Image,
    /// `metadata`, `data` and the like, in which nothing counts.
    Excluded,
    Else,
}

impl Position {
    /// The position of a whole object.
    pub(super) fn of_object(api_version: &str, kind: &str) -> Self {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let keys: Option<&'static [&'static str]> = match (group, kind) {
            ("", "Pod") => Some(&["spec"]),
            ("", "PodTemplate") => Some(&["template", "spec"]),
            ("", "ReplicationController")
            | ("apps" | "extensions", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job") => Some(&["spec", "template", "spec"]),
            ("batch", "CronJob") => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
            _ => None,
        };
        Self { part: keys.map_or(Part::Else, Part::Above), is_other_kind: keys.is_none() }
    }

    /// The position of the value of `key`.
    pub(super) fn key(self, key: &str) -> Self {
        let part = match (self.part, key) {
            (Part::Above([next]), _) if *next == key => Part::PodSpec,
            (Part::Above([next, rest @ ..]), _) if *next == key => Part::Above(rest),
            (Part::PodSpec, "containers" | "initContainers" | "ephemeralContainers") => Part::Containers,
            (Part::PodSpec, "volumes") => Part::Volumes,
            (Part::Container, "image") | (Part::VolumeImage, "reference") => Part::Image,
            (Part::Container, "env") => Part::Environment,
            (Part::Volume, "image") => Part::VolumeImage,
            (Part::Variable, "value") => Part::VariableValue,
            (Part::Excluded, _) => Part::Excluded,
            (_, "metadata" | "data" | "stringData" | "status") if self.is_other_kind => Part::Excluded,
            (_, "image") if self.is_other_kind => Part::Image,
            (_, "env") if self.is_other_kind => Part::Environment,
            _ => Part::Else,
        };
        Self { part, ..self }
    }

    /// The position of the items of a list.
    pub(super) fn item(self) -> Self {
        let part = match self.part {
            Part::Containers => Part::Container,
            Part::Volumes => Part::Volume,
            Part::Environment => Part::Variable,
            Part::Excluded => Part::Excluded,
            _ => Part::Else,
        };
        Self { part, ..self }
    }

    /// Whether a string here is an image reference.
    pub(super) fn is_image(self) -> bool {
        self.part == Part::Image
    }

    /// Whether a string here is the value of an environment variable.
    pub(super) fn is_environment(self) -> bool {
        self.part == Part::VariableValue
    }

    /// The keys of the image and of its pull policy, if a map here has them.
    pub(super) fn pull_policy(self) -> Option<(&'static str, &'static str)> {
        match self.part {
            Part::Container => Some(("image", "imagePullPolicy")),
            Part::VolumeImage => Some(("reference", "pullPolicy")),
            _ => None,
        }
    }
}
