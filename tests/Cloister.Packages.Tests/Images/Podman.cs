using System.Diagnostics;
using Cloister.Cli.Tests.Harness;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Images;

/// <summary>
/// Podman with images and containers of its own, gone afterwards. It runs without cgroups, since a machine for tests may have none that it could write:
/// limits of memory and CPU are not applied. Everything else that the images and manifests say is.
/// </summary>
internal sealed class Podman : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly Process _holder;

    // Mounts are in a namespace that a process holds whose input this one keeps open.
    private Podman()
    {
        File.WriteAllText(_folder["storage.conf"], $"[storage]\ndriver = \"vfs\"\nrunroot = \"{_folder["run"]}\"\ngraphroot = \"{_folder["graph"]}\"\n");
        File.WriteAllText(_folder["crun"], "#!/bin/sh\nexec crun --cgroup-manager=disabled \"$@\"\n");
        File.SetUnixFileMode(_folder["crun"], (UnixFileMode)0b111_101_101);
        File.WriteAllText(_folder["containers.conf"], $"""
            [containers]
            default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
            netns = "host"
            [engine]
            cgroup_manager = "cgroupfs"
            runtime = "crun"
            events_logger = "file"
            tmp_dir = "{_folder["tmp"]}"
            [engine.runtimes]
            crun = ["{_folder["crun"]}"]

            """);
        _holder = Process.Start(new ProcessStartInfo(
            "unshare", ["--mount", "bash", "-euc", "mount --make-rprivate /; mount -t cgroup2 cgroup2 /sys/fs/cgroup; echo there; cat >/dev/null"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
    }

    /// <summary>A folder of the host that pods may mount.</summary>
    internal string this[string name] => _folder[name];

    /// <summary>Podman with the images loaded, or the test is skipped with the reason why it cannot run here.</summary>
    internal static async Task<Podman> StartAsync(params string[] images)
    {
        Built.SkipUnlessThere();
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "containers need root here");
        Assert.SkipUnless(Shell.Has("podman") && Shell.Has("crun") && Shell.Has("catatonit"), "podman, crun or catatonit is not installed");
        Podman podman = new();
        Assert.Equal("there", await podman._holder.StandardOutput.ReadLineAsync());
        foreach (string image in images)
        {
            await podman.RunAsync($"podman load --quiet --input '{Built.Packages}/{image}_{Built.Version}.oci.tar'");
        }

        return podman;
    }

    /// <summary>Runs a script of bash where this podman is.</summary>
    internal Task<Said> TryAsync(string script) => Shell.RunAsync(
        "nsenter", $"--mount=/proc/{_holder.Id}/ns/mnt", "--", "/usr/bin/env", $"CONTAINERS_STORAGE_CONF={_folder["storage.conf"]}", $"CONTAINERS_CONF={_folder["containers.conf"]}",
        "bash", "-euo", "pipefail", "-c", script);

    internal async Task<string> RunAsync(string script) => (await TryAsync(script)).MustSucceed();

    /// <summary>Tries a script until it succeeds, for at most a minute.</summary>
    internal Task<string> EventuallyAsync(string script) => RunAsync($"for i in $(seq 60); do if ( {script} ) >/dev/null 2>&1; then break; fi; sleep 1; done; {script}");

    public async ValueTask DisposeAsync()
    {
        await TryAsync("podman pod rm --force --all; podman rm --force --all");
        _holder.StandardInput.Close();
        await _holder.WaitForExitAsync();
        _holder.Dispose();
        _folder.Dispose();
    }
}
