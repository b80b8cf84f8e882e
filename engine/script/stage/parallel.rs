//! Calls in parallel.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex};

use rhai::plugin::*;
use rhai::{Array, Dynamic, FnPtr};

use crate::dependency::{has_place, share_place};
use crate::error::{Cancelled, StageError};
use crate::event::Level;
use crate::lock::lock;
use crate::run::{Image, Run, RunError};
use crate::scope::Scope;
use crate::script::{Execution, RhaiResultOf, ScriptError};

/// Stages that run functions in parallel.
#[export_module]
pub mod parallel {
    use rhai::{Array, FnPtr};

    use crate::script::RhaiResultOf;

    /// Calls `work` with each of `items` in parallel, and returns the results in the order of the items.
    /// `--max-concurrent-builds` limits the parallel calls. An image starts only after its base images are finished.
    ///
    /// If a call fails, no further call starts, running calls are finished, and the error is thrown. With
    /// `--keep-going`, all images that do not need the failed image are built before that.
    ///
    /// # Example
    /// ```rhai
    /// fn build(project) { parallel(project.images, |image| build_image(image)) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn parallel(context: NativeCallContext, items: Array, work: FnPtr) -> RhaiResultOf<Array> {
        super::run_all(&context, items, &work)
    }
}

/// The stack size of a thread that runs a script: deep calls must fail in the script, not in the process.
const STACK: usize = 16 << 20;

/// The state of each item.
enum Item {
    Waiting(Dynamic),
    Running,
    Done(Dynamic),
    /// Failed; the error of an image is already reported.
    Failed(Option<Box<EvalAltResult>>),
    Dropped,
}

/// The items of one `parallel`, and a way to wait for their progress.
struct Queue {
    items: Mutex<Vec<Item>>,
    moved: Condvar,
    images: Vec<Option<Image>>,
}

#[expect(
    deprecated,
    reason = "storing a call context is not deprecated but may change; the version is pinned"
)]
fn run_all(context: &NativeCallContext, items: Array, work: &FnPtr) -> RhaiResultOf<Array> {
    let execution = super::current::execution(context)?;
    let run = &execution.run;
    let outer = Scope::current();
    let images: Vec<_> =
        items.iter().map(|item| item.read_lock::<Image>().map(|image| image.clone())).collect();
    let queue = Queue {
        items: Mutex::new(items.into_iter().map(Item::Waiting).collect()),
        moved: Condvar::new(),
        images,
    };
    let stored = context.store_data();
    let engine = context.engine();
    let is_shared = has_place();
    let threads = run.options.jobs.clamp(1, queue.images.len().max(1));
    std::thread::scope(|scope| {
        for number in 0..threads {
            let body = || {
                share_place(is_shared);
                let context = NativeCallContext::from_stored_data(engine, &stored);
                let _scope = outer.clone().enter();
                queue.work(&execution, |item| work.call_within_context(&context, (item,)));
            };
            let builder = std::thread::Builder::new().name(format!("job-{number}")).stack_size(STACK);
            if builder.spawn_scoped(scope, body).is_err() && number == 0 {
                queue.drop_waiting();
            }
        }
    });
    queue.finish(&execution)
}

impl Queue {
    /// Takes items that are ready until none is left.
    fn work(&self, execution: &Execution, call: impl Fn(Dynamic) -> RhaiResultOf<Dynamic>) {
        let run = &*execution.run;
        while let Some((index, item)) = self.take(run) {
            // The limit applies to all projects that are built together.
            let Some(_place) = run.start_job() else {
                lock(&self.items)[index] = Item::Dropped;
                self.drop_waiting();
                self.moved.notify_all();
                continue;
            };
            let image = self.images[index].as_ref();
            let mut scope = Scope::current();
            let outer = scope.image.clone();
            if let Some(image) = image {
                scope.image = Some(image.name().to_owned());
                run.progress.results.start(image.name(), &image.config().repository.to_string());
            }
            let result = match image.filter(|_| run.options.is_watching) {
                Some(image) => Self::call_again(execution, image, &scope, &|| call(item.clone())),
                None => {
                    let _scope = scope.enter();
                    call(item)
                }
            };
            // A nested call for the same image does not end the work on it.
            if let Some(name) = image.map(Image::name)
                && (result.is_err() || outer.as_deref() != Some(name))
            {
                run.end_work(name, result.is_ok());
            }
            let outcome = match (result, image) {
                (Ok(value), image) => {
                    if let Some(image) = image {
                        run.progress.results.finish(&run.session.events, image.name());
                    }
                    Item::Done(value)
                }
                (Err(error), Some(image)) => {
                    execution.fail(image.name(), ScriptError::of_call(&execution.pipeline, "", *error));
                    Item::Failed(None)
                }
                (Err(error), None) => Item::Failed(Some(error)),
            };
            let failed = matches!(outcome, Item::Failed(_));
            lock(&self.items)[index] = outcome;
            if failed && !run.options.keep_going {
                self.drop_waiting();
            }
            self.moved.notify_all();
        }
    }

    /// Calls `work` on `image`, and calls it again if a file of the image changes before it is pushed.
    fn call_again(
        execution: &Execution,
        image: &Image,
        scope: &Scope,
        work: &dyn Fn() -> RhaiResultOf<Dynamic>,
    ) -> RhaiResultOf<Dynamic> {
        let (run, name) = (&*execution.run, image.name());
        let outer = scope.cancel.clone().unwrap_or_else(|| run.session.cancel.clone());
        loop {
            let cancel = Some(run.progress.restarts.begin(name, &outer));
            let result = {
                let _scope = Scope { cancel, ..scope.clone() }.enter();
                work()
            };
            match run.progress.restarts.end(name) {
                Some(cause) if result.is_err() && !outer.is_cancelled() => {
                    run.end_work(name, false);
                    // Everything is read again.
                    run.session.host.writes.wrote();
                    image.events().notice(Level::Info, format!("{cause} changed: building it again"));
                }
                _ => return result,
            }
        }
    }

    /// The next item whose base images are done; waits for one. `None` if no item is left to start.
    fn take(&self, run: &Run) -> Option<(usize, Dynamic)> {
        let mut items = lock(&self.items);
        loop {
            if run.session.cancellation().is_cancelled() {
                Self::drop_all(&mut items);
            }
            let mut is_waiting = false;
            for index in 0..items.len() {
                let Item::Waiting(_) = &items[index] else { continue };
                match self.readiness(run, &items, index) {
                    Readiness::Ready => {
                        let Item::Waiting(item) = std::mem::replace(&mut items[index], Item::Running) else {
                            continue;
                        };
                        return Some((index, item));
                    }
                    Readiness::Never => items[index] = Item::Dropped,
                    Readiness::Later => is_waiting = true,
                }
            }
            if !is_waiting {
                return None;
            }
            items = self.moved.wait(items).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn readiness(&self, run: &Run, items: &[Item], index: usize) -> Readiness {
        let Some(image) = &self.images[index] else { return Readiness::Ready };
        let needs: HashSet<&str> = run.needs(image.name()).collect();
        let mut readiness = Readiness::Ready;
        for (other, item) in self.images.iter().zip(items) {
            if !other.as_ref().is_some_and(|other| needs.contains(other.name())) {
                continue;
            }
            match item {
                Item::Done(_) => {}
                Item::Waiting(_) | Item::Running => readiness = Readiness::Later,
                Item::Failed(_) | Item::Dropped => return Readiness::Never,
            }
        }
        readiness
    }

    fn drop_waiting(&self) {
        Self::drop_all(&mut lock(&self.items));
    }

    fn drop_all(items: &mut [Item]) {
        for item in items.iter_mut().filter(|item| matches!(item, Item::Waiting(_))) {
            *item = Item::Dropped;
        }
    }

    /// The results of the calls, or the error of those that failed.
    fn finish(self, execution: &Execution) -> RhaiResultOf<Array> {
        let run = &*execution.run;
        let items = std::mem::take(&mut *lock(&self.items));
        let all = items.len();
        let mut results = Array::with_capacity(all);
        let mut failed = 0;
        let mut first_error = None;
        for (item, image) in items.into_iter().zip(&self.images) {
            match (item, image) {
                (Item::Done(value), _) => results.push(value),
                (Item::Failed(error), _) => {
                    failed += 1;
                    first_error = first_error.or(error);
                }
                (_, Some(image)) => {
                    let repository = image.config().repository.to_string();
                    let reason = why_dropped(execution, image.name());
                    run.progress.results.cancel(&run.session.events, image.name(), &repository, &reason);
                }
                _ => {}
            }
        }
        if run.session.cancellation().is_cancelled() {
            return Err(StageError::from(Cancelled).into());
        }
        match (failed, first_error) {
            (0, _) => Ok(results),
            (_, Some(error)) => Err(error),
            // Failed images are reported one by one; the thrown error only counts them.
            (failed, None) => Err(StageError::from(RunError::Failed { failed, all }).into()),
        }
    }
}

/// Why `image` was not started.
fn why_dropped(execution: &Execution, image: &str) -> String {
    let run = &*execution.run;
    if run.session.cancellation().is_cancelled() {
        return "not started".to_owned();
    }
    let failures = execution.failures();
    let mut needs: Vec<&str> = run.needs(image).collect();
    let mut next = 0;
    while let Some(&need) = needs.get(next) {
        if failures.iter().any(|(failed, _)| failed == need) {
            return format!("its base `{need}` failed");
        }
        // The graph has no cycles, but two base images may share one.
        let more: Vec<_> = run.needs(need).filter(|need| !needs.contains(need)).collect();
        needs.extend(more);
        next += 1;
    }
    "another image failed".to_owned()
}

/// Whether an item may start.
enum Readiness {
    Ready,
    Later,
    /// A base image of it failed.
    Never,
}
