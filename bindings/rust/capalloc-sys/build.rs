//! Finds or makes the C library, in this order:
//!
//! 1. `CAPALLOC_LIB_DIR`, a folder that has `libcapalloc.a` or `libcapalloc.so`: an installed one, or `build/release`;
//! 2. the sources of the checkout that this crate lies in: compiled with the C compiler (`CC`, or `cc`) into `OUT_DIR`,
//!    with the flags of `cmake/Flags.cmake`, and nothing is written anywhere else;
//! 3. what `pkg-config capalloc` says.
//!
//! The archive is linked where there is one, so that the program needs no file at run time; `CAPALLOC_LINK=shared` asks
//! for the shared library instead, which a program needs that is also to run on the preloaded one.
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `capalloc_engine` of `cmake/Library.cmake`.
const ROOMS: [&str; 10] = ["base", "os", "stack", "core", "cap", "pages", "blocks", "heaps", "api", "kit"];
/// `cmake/Flags.cmake`, with the reasons.
const FLAGS: [&str; 12] = [
    "-std=gnu17",
    "-O2",
    "-g",
    "-pthread",
    "-D_GNU_SOURCE=",
    "-fPIC",
    "-fvisibility=hidden",
    "-ftls-model=initial-exec",
    "-fno-plt",
    "-fno-semantic-interposition",
    "-falign-functions=64",
    "-w",
];
/// `CAPALLOC_MALLOC_OPTIONS`: in the malloc family the compiler must not know what malloc means.
const MALLOC_NAMES: [&str; 14] = [
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "free",
    "free_sized",
    "free_aligned_sized",
    "cfree",
    "aligned_alloc",
    "posix_memalign",
    "memalign",
    "valloc",
    "pvalloc",
    "malloc_usable_size",
];
const SUITE: [&str; 5] = ["suite.c", "allocation.c", "resizing.c", "intentions.c", "random.c"];

fn main() {
    for name in ["CAPALLOC_LIB_DIR", "CAPALLOC_LINK", "CC", "AR"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        fail("capalloc runs on Linux");
    }
    let checkout = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../../..");
    let conformance = env::var_os("CARGO_FEATURE_CONFORMANCE").is_some();

    println!("cargo:rerun-if-changed=build.rs");
    if let Some(folder) = env::var_os("CAPALLOC_LIB_DIR") {
        link_installed(Path::new(&folder), conformance);
    } else if checkout.join("src/malloc/family.c").is_file() {
        build(&checkout, conformance);
    } else {
        link_installed(&folder_of_pkg_config(), conformance);
    }
}

fn fail(reason: &str) -> ! {
    eprintln!("capalloc-sys: {reason}");
    std::process::exit(1);
}

fn variable(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| fail(&format!("{name} is not set: cargo sets it")))
}

fn link_installed(folder: &Path, conformance: bool) {
    let shared = env::var("CAPALLOC_LINK").is_ok_and(|how| how == "shared");
    let kind = if !shared && folder.join("libcapalloc.a").is_file() { "static" } else { "dylib" };

    for archive in ["libcapalloc.a", "libcapalloc-conformance.a"] {
        if folder.join(archive).is_file() {
            println!("cargo:rerun-if-changed={}", folder.join(archive).display());
        }
    }
    println!("cargo:rustc-link-search=native={}", folder.display());
    if conformance {
        println!("cargo:rustc-link-lib=static=capalloc-conformance");
    }
    println!("cargo:rustc-link-lib={kind}=capalloc");
}

fn folder_of_pkg_config() -> PathBuf {
    let said = Command::new("pkg-config").args(["--variable=libdir", "capalloc"]).stderr(Stdio::null()).output();
    match said {
        Ok(output) if output.status.success() => PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()),
        _ => fail("no sources beside the crate, no CAPALLOC_LIB_DIR, and pkg-config does not know capalloc"),
    }
}

/// The C files of a folder, in the same order everywhere.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap_or_else(|error| fail(&format!("{}: {error}", folder.display())));
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    files.sort();
    files
}

fn build(checkout: &Path, conformance: bool) {
    let out = PathBuf::from(variable("OUT_DIR"));
    let mut jobs: Vec<(PathBuf, Vec<String>)> = Vec::new();

    println!("cargo:rerun-if-changed={}", checkout.join("src").display());
    println!("cargo:rerun-if-changed={}", checkout.join("include").display());
    for room in ROOMS {
        jobs.extend(sources(&checkout.join("src").join(room)).into_iter().map(|file| (file, Vec::new())));
    }
    let mut malloc_flags = vec!["-fexceptions".to_string()];
    malloc_flags.extend(MALLOC_NAMES.iter().map(|name| format!("-fno-builtin-{name}")));
    jobs.extend(sources(&checkout.join("src/malloc")).into_iter().map(|file| (file, malloc_flags.clone())));
    archive(&out.join("libcapalloc.a"), &compile(checkout, &out, &jobs));
    if conformance {
        let folder = checkout.join("tests/conformance");
        println!("cargo:rerun-if-changed={}", folder.display());
        let jobs: Vec<_> = SUITE.iter().map(|name| (folder.join(name), Vec::new())).collect();
        archive(&out.join("libcapalloc-conformance.a"), &compile(checkout, &out, &jobs));
        println!("cargo:rustc-link-lib=static=capalloc-conformance");
    }
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=capalloc");
}

/// Compiles each file to an object in `out`, as many at a time as cargo allows.
fn compile(checkout: &Path, out: &Path, jobs: &[(PathBuf, Vec<String>)]) -> Vec<PathBuf> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let at_a_time: usize = env::var("NUM_JOBS").ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    let mut objects = Vec::new();

    for some in jobs.chunks(at_a_time.max(1)) {
        let mut running = Vec::new();
        for (file, flags) in some {
            // Files of different rooms may have one name: the room is in the object's.
            let room = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            let object = out.join(format!("{room}-{}.o", file.file_stem().unwrap_or_default().to_string_lossy()));
            let mut command = Command::new(&compiler);
            command.args(FLAGS).args(flags).arg("-c").arg(file).arg("-o").arg(&object);
            command.arg("-I").arg(checkout.join("include")).arg("-I").arg(checkout.join("src"));
            match command.spawn() {
                Ok(child) => running.push((child, file)),
                Err(error) => {
                    fail(&format!("{}: {error}: the C compiler is missing, or set CC", compiler.to_string_lossy()))
                }
            }
            objects.push(object);
        }
        for (mut child, file) in running {
            if !child.wait().is_ok_and(|status| status.success()) {
                fail(&format!("{} does not compile", file.display()));
            }
        }
    }
    objects
}

fn archive(library: &Path, objects: &[PathBuf]) {
    let archiver = env::var_os("AR").unwrap_or_else(|| "ar".into());
    let _ = std::fs::remove_file(library);
    let status = Command::new(&archiver).arg("rcs").arg(library).args(objects).status();

    if !status.is_ok_and(|status| status.success()) {
        fail(&format!("ar did not make {}", library.display()));
    }
}
