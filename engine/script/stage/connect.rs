//! The stages that connect a dev session.

use rhai::plugin::*;

/// Stages that connect a dev session. In a plan they connect nothing.
#[export_module]
pub mod connect {
    use super::super::current;
    use crate::config::{Folder, Foreground, Forward, Origin, Page};
    use crate::host::DevConnection;
    use crate::lock::lock;
    use crate::script::RhaiResultOf;

    /// Forwards a local port to a container. The port stays open when pods are replaced.
    ///
    /// # Example
    /// ```rhai
    /// fn connect(project) { for port in project.dev.ports { forward_port(port); } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn forward_port(context: NativeCallContext, port: Forward) -> RhaiResultOf<()> {
        let execution = current::execution(&context)?;
        execution.run.session.host.cluster.note(DevConnection::Port(&port));
        lock(&execution.wanted).ports.push(port);
        Ok(())
    }

    /// Syncs a local directory with a directory in a container: changes of either one reach the other.
    ///
    /// # Example
    /// ```rhai
    /// fn connect(project) { for folder in project.dev.folders { sync_folder(folder); } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sync_folder(context: NativeCallContext, folder: Folder) -> RhaiResultOf<()> {
        let execution = current::execution(&context)?;
        execution.run.session.host.cluster.note(DevConnection::Folder(&folder));
        lock(&execution.wanted).folders.push(folder);
        Ok(())
    }

    /// Opens a page in the browser once it responds, once per session.
    ///
    /// # Example
    /// ```rhai
    /// fn connect(project) { for page in project.dev.pages { open_page(page); } }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn open_page(context: NativeCallContext, page: Page) -> RhaiResultOf<()> {
        let execution = current::execution(&context)?;
        execution.run.session.host.cluster.note(DevConnection::Page(&page));
        lock(&execution.wanted).pages.push(page);
        Ok(())
    }

    /// Opens a page in the browser once it responds, once per session.
    ///
    /// # Example
    /// ```rhai
    /// fn connect(project) { open_page("http://localhost:8080/admin"); }
    /// ```
    #[rhai_fn(name = "open_page", return_raw)]
    pub fn open_url(context: NativeCallContext, url: &str) -> RhaiResultOf<()> {
        let position = context.call_position();
        let (line, column) = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        let origin = Origin { file: "a script".into(), line, column };
        open_page(context, Page { origin, url: url.to_owned() })
    }

    /// Shows a terminal or logs. If called several times, the last call counts.
    ///
    /// # Example
    /// ```rhai
    /// fn connect(project) { show(project.dev.logs); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn show(context: NativeCallContext, foreground: Foreground) -> RhaiResultOf<()> {
        let execution = current::execution(&context)?;
        execution.run.session.host.cluster.note(DevConnection::Foreground(&foreground));
        lock(&execution.wanted).foreground = Some(foreground);
        Ok(())
    }
}
