//! Any Dockerfile: parsing it, querying it and editing it never panics, and an edited one parses as it was written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::image::Dockerfile;
use windlass::image::dockerfile::BuildArgs;

// The Dockerfile, and after a NUL the words of the entrypoint, one per line.
fuzz_target!(|text: &str| {
    let (text, words) = text.split_once('\0').unwrap_or((text, "sh\n-c\necho \"hi\" \\ $x"));
    let Ok(dockerfile) = Dockerfile::parse("Dockerfile", text) else { return };
    let words: Vec<String> = words.split('\n').map(str::to_owned).collect();
    let arguments = BuildArgs::from_iter([("VERSION".to_owned(), "1.0".to_owned())]);
    let targets = dockerfile.targets().len();
    // A last line of nothing but escape characters cannot be terminated, or disappears with them.
    let last = text.trim_end().lines().last().unwrap_or_default();
    let ends_in_escapes = last.chars().all(|c| c.is_whitespace() || ['\\', '`'].contains(&c));

    for number in 0..targets {
        let target = number.to_string();
        let target = Some(target.as_str());
        let _ = dockerfile.bases(target, &arguments);
        let _ = dockerfile.reach(target, &arguments, &|_| None);

        let edited = match dockerfile.with_entrypoint(target, &words) {
            Ok(edited) => edited,
            Err(_) if ends_in_escapes => continue,
            Err(error) => panic!("the target exists: {error}"),
        };
        let edited = edited.with_command(target, &[]).expect("the target exists");
        let read = Dockerfile::parse("Dockerfile", edited.text()).expect("an edited Dockerfile can be read");
        assert_eq!(read.targets().len(), targets, "an edit adds no build stage");
        let kept: usize = dockerfile.targets().iter().map(|target| target.instructions().len()).sum();
        let now: usize = read.targets().iter().map(|target| target.instructions().len()).sum();
        assert!(
            now == kept + 2 || (ends_in_escapes && now == kept + 1),
            "an edit adds its own instructions and swallows none"
        );
    }
    if let Ok(bases) = dockerfile.bases(None, &arguments) {
        let replacements: Vec<_> = bases.into_iter().map(|base| (base, "acme/base:1".to_owned())).collect();
        if let Ok(edited) = dockerfile.with_bases(&replacements) {
            assert_eq!(edited.targets().len(), targets, "new bases change no build stage");
        }
    }
});
