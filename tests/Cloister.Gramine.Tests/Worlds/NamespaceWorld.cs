using System.Text;
using Cloister.Conformance.Harness;

namespace Cloister.Gramine.Tests.Worlds;

/// <summary>
/// A mount namespace whose root has the manifest's mounts, Gramine's pseudo files, and nothing else; the manifest's environment; its limits on descriptors, stack
/// and memory. The host's C library stands in for Gramine's, and nothing is encrypted or measured.
/// </summary>
internal sealed class NamespaceWorld(string build, string attestation, string host) : World(build, attestation, host)
{
    // What the runtime folder of Gramine has of these; ld.so first.
    private static readonly string[] Runtime = ["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2", "libnss_dns.so.2"];

    internal override ChildProcess Start(string folder)
    {
        string root = Path.Combine(folder, "root");
        Directory.CreateDirectory(root);
        FillRuntime();
        return ChildProcess.Start("enclave", folder, "unshare", "--mount", "--propagation", "private", "sh", "-c", Script(root));
    }

    // Where Gramine is installed its own C library is in the folder, and that one runs only under Gramine.
    private void FillRuntime()
    {
        string runtime = Path.Combine(Build, "runtime");
        if (Directory.Exists(runtime))
        {
            Directory.Delete(runtime, recursive: true);
        }

        Directory.CreateDirectory(runtime);
        foreach (string library in Runtime)
        {
            File.Copy(Path.Combine("/lib/x86_64-linux-gnu", library), Path.Combine(runtime, library));
        }
    }

    private string Script(string root)
    {
        StringBuilder script = new($"""
            set -eu
            mount -t tmpfs -o mode=0755 none {root}
            mkdir {root}/dev {root}/dev/attestation {root}/proc {root}/lib64 {root}/etc
            for one in null zero random urandom full; do : >{root}/dev/$one; mount --bind /dev/$one {root}/dev/$one; done
            ln -s /proc/self/fd {root}/dev/fd
            mount --bind /proc {root}/proc
            mount --bind {Attestation} {root}/dev/attestation
            # Gramine looks for the program's loader among its libraries.
            ln -s /lib/{Runtime[0]} {root}/lib64/{Runtime[0]}

            """);
        foreach (GramineMount mount in Manifest.Mounts)
        {
            string inside = root + mount.Path;
            string outside = mount.Uri is ['/', ..] ? Host + mount.Uri : Path.Combine(Build, mount.Uri);
            script.AppendLine(mount.Type == "tmpfs" ? $"mkdir -p {inside}; mount -t tmpfs -o mode=0700 none {inside}"
                : mount.Type == "encrypted" ? $"mkdir -p {inside}; mount --bind {outside} {inside}"
                : Directory.Exists(outside) ? $"mkdir -p {inside}; mount --bind -o ro {outside} {inside}"
                : $"mkdir -p {Path.GetDirectoryName(inside)}; : >{inside}; mount --bind -o ro {outside} {inside}");
        }

        if (Manifest.HasResolver)
        {
            // As Gramine writes it from the host's.
            script.AppendLine($"echo nameserver {NameServer.Address} >{root}/etc/resolv.conf");
        }

        string environment = string.Join(' ', Manifest.Environment.Select(variable => $"'{variable.Key}={variable.Value}'"));
        return script.Append($"""
            ulimit -n {Manifest.Descriptors}
            ulimit -s {Manifest.StackSize / 1024}
            ulimit -v {Manifest.EnclaveSize / 1024}
            exec env -i {environment} /usr/sbin/chroot {root} {Manifest.EntryPoint} {string.Join(' ', Manifest.Arguments.Skip(1))}
            """).ToString();
    }
}
