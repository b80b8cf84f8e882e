//! Reports: readers of [events](crate::event) that show them to people and programs.
