//! Files that change only in memory.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::effect::{Effect, EffectKind, Effects};
use crate::host::{FileEdit, Files, ProjectPath};

/// Reads real files with the recorded changes.
pub(super) struct PlanningFiles {
    inner: Arc<dyn Files>,
    effects: Arc<Effects>,
    /// The new contents of files; `None` for removed ones.
    edited: Mutex<HashMap<ProjectPath, Option<Bytes>>>,
}

impl PlanningFiles {
    pub(super) fn new(inner: Arc<dyn Files>, effects: Arc<Effects>) -> Self {
        Self { inner, effects, edited: Mutex::default() }
    }
}

impl Files for PlanningFiles {
    fn read(&self, path: &ProjectPath) -> io::Result<Vec<u8>> {
        let edited = self.edited.lock().unwrap_or_else(PoisonError::into_inner);
        match edited.get(path) {
            Some(Some(content)) => Ok(content.to_vec()),
            Some(None) => Err(io::ErrorKind::NotFound.into()),
            None => self.inner.read(path),
        }
    }

    fn edit(&self, edit: &FileEdit) -> io::Result<()> {
        let content = match edit {
            FileEdit::Write { content, .. } => Some(content.clone()),
            FileEdit::Remove { .. } => None,
        };
        let mut edited = self.edited.lock().unwrap_or_else(PoisonError::into_inner);
        edited.insert(edit.path().clone(), content);
        self.effects.push(Effect::new(None, edit, EffectKind::Edit));
        Ok(())
    }
}
