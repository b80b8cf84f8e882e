//! The rules of each kind, after kstatus (`sigs.k8s.io/cli-utils`, `pkg/kstatus/status/core.go`).

pub(super) mod custom;
pub(super) mod daemon_set;
pub(super) mod definition;
pub(super) mod deployment;
pub(super) mod job;
pub(super) mod pod;
pub(super) mod replica_set;
pub(super) mod stateful_set;
pub(super) mod volume_claim;
