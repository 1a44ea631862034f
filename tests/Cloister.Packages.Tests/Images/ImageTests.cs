using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Images;

/// <summary>Images as they are loaded, and the manifests of static pods run by podman with the simulated enclave in the enclave's place.</summary>
public sealed class ImageTests
{
    private const string Probe = "podman exec cloister-enclave-enclave /usr/local/bin/cloister probe --socket /run/cloister/kms.sock --api v2 --count 1";

    [Theory]
    [InlineData("cloister")]
    [InlineData("cloister-enclave")]
    [InlineData("cloister-broker")]
    public async Task An_image_runs_its_program_as_nobody_in_particular_and_has_no_shell(string name)
    {
        await using Podman podman = await Podman.StartAsync(name);
        string image = $"localhost/{name}:{Built.Version}";
        Assert.Contains(Built.Version, await podman.RunAsync($"podman run --rm {image} --version"), StringComparison.Ordinal);
        Assert.Equal("65532:65532", await podman.RunAsync($"podman inspect {image} --format '{{{{.Config.User}}}}'"));

        // The digest by which a manifest names it.
        string digest = Assert.Single(await File.ReadAllLinesAsync($"{Built.Packages}/images_{Built.Version}.txt", TestContext.Current.CancellationToken), line => line.StartsWith($"{name}@", StringComparison.Ordinal));
        Assert.Equal(digest.Split('@')[1], await podman.RunAsync($"podman inspect {image} --format '{{{{.Digest}}}}'"));

        string programs = await podman.RunAsync($"cd $(podman image mount {image}); find . -type f -perm /111 ! -name '*.so*' | sort; podman image unmount --all >/dev/null");
        Assert.All(programs.Split('\n'), program => Assert.Matches("^\\./usr/(bin|lib/cloister)/cloister[a-z-]*$", program));
        Assert.NotEqual(0, (await podman.TryAsync($"podman run --rm --entrypoint /bin/sh {image} -c true")).ExitCode);
    }

    [Fact]
    public async Task The_enclave_s_pod_serves_its_probes_and_outlives_kill_and_restart()
    {
        await using Podman podman = await Podman.StartAsync("cloister-enclave");
        foreach (string folder in (string[])["etc", "run", "state", "tsm"])
        {
            Directory.CreateDirectory(podman[folder]);
        }

        await File.WriteAllTextAsync(podman["etc/enclave.yaml"], """
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c
            provider: tee
            kms: { listen: "unix:/run/cloister/kms.sock" }
            admin: { listen: "unix:/run/cloister/admin.sock" }
            custody: { mode: manual, manual: { operators: any } }
            state: { directory: /var/lib/cloister }
            simulation: { sealingKeyFile: /var/lib/cloister/UNPROTECTED-sealing.key }

            """, TestContext.Current.CancellationToken);

        // What a machine for tests has not: the enclave's folders in their usual places, a TEE, configfs.
        string manifest = await File.ReadAllTextAsync(Shell.InRepository("deploy", "kubernetes", "cloister-enclave.yaml"), TestContext.Current.CancellationToken);
        foreach ((string from, string to) in (ReadOnlySpan<(string, string)>)
        [
            (":0.1.0\n", $":{Built.Version}\n"),
            ("path: /etc/cloister,", $"path: {podman["etc"]},"),
            ("path: /run/cloister,", $"path: {podman["run"]},"),
            ("path: /var/lib/cloister,", $"path: {podman["state"]},"),
            ("path: /sys/kernel/config,", $"path: {podman["tsm"]},"),
            ("mountPath: /sys/kernel/config}", "mountPath: /tsm}"),
            ("[/usr/local/bin/cloister-enclave,", "[/opt/dev/cloister-enclave-sim,"),
            ("      volumeMounts:\n", "      volumeMounts:\n        - {name: dev, mountPath: /opt/dev, readOnly: true}\n"),
            ("  volumes:\n", $"  volumes:\n    - {{name: dev, hostPath: {{path: {Built.Simulator}, type: Directory}}}}\n"),
        ])
        {
            Assert.Contains(from, manifest, StringComparison.Ordinal);
            manifest = manifest.Replace(from, to, StringComparison.Ordinal);
        }

        await File.WriteAllTextAsync(podman["pod.yaml"], manifest, TestContext.Current.CancellationToken);
        await podman.RunAsync($"podman kube play {podman["pod.yaml"]}");
        await podman.EventuallyAsync("podman exec cloister-enclave-enclave /usr/local/bin/cloister kek create --name k --socket /run/cloister/admin.sock");
        await podman.RunAsync(Probe);
        string key = await KeyAsync(podman);

        // A crash: the pod's restart policy brings it back, with the KEK that it sealed.
        await podman.RunAsync("kill -KILL $(podman inspect cloister-enclave-enclave --format '{{.State.Pid}}')");
        await podman.EventuallyAsync(Probe);
        Assert.Equal(key, await KeyAsync(podman));
        await podman.RunAsync("podman pod restart cloister-enclave");
        await podman.EventuallyAsync(Probe);
        Assert.Equal(key, await KeyAsync(podman));
        await podman.RunAsync($"podman kube down {podman["pod.yaml"]}");
        Assert.Equal("", await podman.RunAsync("podman ps --all --quiet"));
    }

    private static Task<string> KeyAsync(Podman podman) => podman.RunAsync(
        "podman exec cloister-enclave-enclave /usr/local/bin/cloister kek list --socket /run/cloister/admin.sock -o json | grep -oE '\"activeKeyId\": \"[^\"]+'");
}
