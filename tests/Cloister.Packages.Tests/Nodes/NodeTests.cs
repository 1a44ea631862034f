using System.Text.Json.Nodes;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Nodes;

/// <summary>The packages of a node on a booted machine. The simulated enclave stands for the enclave where a TEE would be needed.</summary>
public sealed class NodeTests
{
    private const string Install = "dpkg -i /packages/cloister_*.deb /packages/cloister-enclave_*.deb /packages/cloister-relay_*.deb";
    private const string Configuration = "/etc/kubernetes/cloister/encryption.yaml";
    private const string Probe = "cloister probe --socket /run/cloister/kms.sock --api v2 --count 2";

    [Fact]
    public async Task Nothing_starts_by_itself_and_no_enclave_starts_without_a_TEE()
    {
        await using Machine machine = await Machine.BootAsync();
        await machine.RunAsync(Install);

        Assert.Equal("", await machine.RunAsync("systemctl list-units --all --plain --no-legend 'cloister*'"));
        Assert.All(
            (await machine.RunAsync("systemctl list-unit-files --no-legend 'cloister*' | awk '{print $1, $2}'")).Split('\n'),
            line => Assert.EndsWith(".service disabled", line, StringComparison.Ordinal));
        Assert.Equal(4, (await machine.RunAsync("ls /usr/lib/systemd/system/cloister*")).Split('\n').Length);

        // The command brings its runtime, and the rest is there as well.
        Assert.Equal("", await machine.RunAsync("command -v dotnet || true"));
        Assert.Contains(Built.Version, await machine.RunAsync("cloister --version; cloister-enclave --version; dpkg-query -W -f '${Version}' cloister"), StringComparison.Ordinal);
        await machine.RunAsync("id cloister; test \"$(stat -c %U:%a /run/cloister)\" = root:755; test -d /etc/cloister");
        await machine.RunAsync("ls /usr/share/man/man1/cloister-kek.1.gz /usr/share/man/man8/cloister-enclave.8.gz");

        await machine.RunAsync("systemctl start --no-block cloister-enclave");
        await machine.EventuallyAsync("journalctl -u cloister-enclave -o cat --no-pager | grep 'no TEE here'");
        Assert.NotEqual(0, (await machine.TryAsync("test -e /run/cloister/kms.sock")).ExitCode);
    }

    [Fact]
    public async Task An_enclave_in_its_unit_outlives_kill_upgrade_downgrade_and_boot_and_its_package_stays_while_it_is_used()
    {
        await using Machine machine = await Machine.BootAsync();
        await machine.RunAsync(Install);
        await machine.SimulateAsync("cloister-enclave");
        await machine.WriteAsync("/etc/cloister/enclave.yaml", EnclaveText("listen: unix:/run/cloister/kms.sock", "/run/cloister/admin.sock"));
        await machine.RunAsync("systemctl enable cloister-enclave cloister-metrics; systemctl start --no-block cloister-enclave cloister-metrics");
        await machine.EventuallyAsync("cloister kek create --name k --socket /run/cloister/admin.sock");
        await machine.EventuallyAsync("systemctl is-active cloister-enclave cloister-metrics");
        await machine.RunAsync(Probe);
        string key = await KeyAsync(machine);
        await machine.EventuallyAsync(Metrics);

        // In its sandbox: filtered, without a capability, without new privileges.
        Assert.Equal(
            "CapEff:0000000000000000 NoNewPrivs:1 Seccomp:2",
            await machine.RunAsync("grep -E '^(Seccomp|NoNewPrivs|CapEff):' /proc/$(systemctl show -P MainPID cloister-enclave)/status | tr -d '\\t' | sort | xargs"));

        string before = await PidAsync(machine, "cloister-enclave");
        await machine.RunAsync("systemctl kill --kill-whom=main -s KILL cloister-enclave");
        await machine.EventuallyAsync($"test \"$(systemctl show -P MainPID cloister-enclave)\" != {before}; {Probe}");
        Assert.Equal(key, await KeyAsync(machine));

        await ChangeVersionAsync(machine, "/next", Built.NextVersion, key);
        await ChangeVersionAsync(machine, "/packages", Built.Version, key);

        await machine.RebootAsync();
        await machine.EventuallyAsync($"systemctl is-active cloister-enclave cloister-metrics; {Probe}");
        Assert.Equal(key, await KeyAsync(machine));

        // As the command writes it for an API server: its package has to stay.
        await machine.RunAsync(DocumentBlocks.AsRoot((await DocumentBlocks.ReadAsync("install.md", "API server"))["encryption"]));
        Said refused = await machine.TryAsync("dpkg --purge cloister-enclave");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains($"cloister-enclave: not removed: {Configuration} names unix:///run/cloister/", refused.Errors, StringComparison.Ordinal);
        Assert.Equal("installed", await machine.RunAsync("dpkg-query -W -f '${db:Status-Status}' cloister-enclave"));
        await machine.RunAsync($"systemctl is-active cloister-enclave; systemctl is-enabled cloister-enclave; {Probe}");

        await machine.RunAsync($"rm {Configuration}");
        string[] files = (await machine.RunAsync("dpkg -L cloister cloister-enclave cloister-relay | sort -u | while read -r f; do if [ -f \"$f\" ]; then echo \"$f\"; fi; done")).Split('\n');
        Assert.True(files.Length > 200, $"{files.Length} files");
        Said purged = await machine.TryAsync("dpkg --purge cloister-relay cloister-enclave cloister");
        purged.MustSucceed();
        Assert.Contains("cloister-enclave: /var/lib/cloister stays", purged.Errors, StringComparison.Ordinal);
        Assert.Equal("", await machine.RunAsync("ls -d " + string.Join(' ', files) + " 2>/dev/null || true"));
        Assert.Equal("", await machine.RunAsync("systemctl list-units --plain --no-legend 'cloister*'; ls /etc/systemd/system/multi-user.target.wants | grep cloister || true"));
        await machine.RunAsync("test -e /var/lib/cloister/UNPROTECTED-sealing.key; test -e /etc/cloister/enclave.yaml");
    }

    [Fact]
    public async Task A_relay_gives_the_socket_of_an_enclave_that_has_none()
    {
        await using Machine machine = await Machine.BootAsync();
        await machine.RunAsync(Install);
        await machine.SimulateAsync("cloister-enclave-sgx");
        IReadOnlyDictionary<string, string> blocks = await DocumentBlocks.ReadAsync("install.md", "Configuration");
        string pin = await machine.RunAsync(DocumentBlocks.AsRoot(blocks["relay-key"]));
        await machine.RunAsync($"getent group sgx; touch ETCD-CLIENT.crt ETCD-CLIENT.key; {DocumentBlocks.AsRoot(blocks["etcd-client"])}");
        Assert.Equal("640 cloister", await machine.RunAsync("stat -c '%a %G' /etc/cloister/host/etcd-client.key"));
        await machine.WriteAsync("/etc/cloister/enclave.yaml", EnclaveText($"listen: \"tcp:127.0.0.1:7400\", relay: {{pins: [\"{pin}\"]}}", "/var/lib/cloister/admin.sock"));
        await machine.RunAsync("mkdir -p /usr/local/lib/cloister/sgx; systemctl enable cloister-enclave-sgx cloister-relay; systemctl start --no-block cloister-enclave-sgx cloister-relay");
        await machine.EventuallyAsync("cloister kek create --name k --socket /var/lib/cloister/admin.sock");
        await machine.EventuallyAsync($"systemctl is-active cloister-enclave-sgx cloister-relay; {Probe}");
        Assert.Equal("cloister cloister", await machine.RunAsync("for u in cloister-enclave-sgx cloister-relay; do stat -c %U /proc/$(systemctl show -P MainPID $u); done | xargs"));

        await machine.RunAsync("systemctl kill --kill-whom=main -s KILL cloister-relay");
        await machine.EventuallyAsync(Probe);
        await machine.RebootAsync();
        await machine.EventuallyAsync($"systemctl is-active cloister-enclave-sgx cloister-relay; {Probe}");

        // An upgrade starts the relay again, which has no state, and leaves the enclave alone.
        string enclave = await PidAsync(machine, "cloister-enclave-sgx"), relay = await PidAsync(machine, "cloister-relay");
        await machine.RunAsync(Install.Replace("/packages", "/next", StringComparison.Ordinal));
        Assert.Equal(enclave, await PidAsync(machine, "cloister-enclave-sgx"));
        Assert.NotEqual(relay, await PidAsync(machine, "cloister-relay"));
        await machine.EventuallyAsync(Probe);
    }

    // Reads what a Prometheus would, without a client for HTTP in the machine.
    private const string Metrics =
        "exec 3<>/dev/tcp/127.0.0.1/9464; printf 'GET /metrics HTTP/1.1\\r\\nHost: 127.0.0.1:9464\\r\\nConnection: close\\r\\n\\r\\n' >&3; timeout 10 cat <&3 | grep -E '^cloister_up.* 1'";

    private static async Task ChangeVersionAsync(Machine machine, string folder, string version, string key)
    {
        string enclave = await PidAsync(machine, "cloister-enclave"), metrics = await PidAsync(machine, "cloister-metrics");
        string state = await machine.RunAsync("cat /var/lib/cloister/UNPROTECTED-sealing.key /etc/cloister/enclave.yaml | sha256sum");
        Said changed = await machine.TryAsync(Install.Replace("/packages", folder, StringComparison.Ordinal));
        changed.MustSucceed();
        Assert.Contains("cloister-enclave.service still runs the version before", changed.Errors, StringComparison.Ordinal);
        Assert.Equal(version, await machine.RunAsync("dpkg-query -W -f '${Version}' cloister-enclave"));
        Assert.Equal(enclave, await PidAsync(machine, "cloister-enclave"));
        Assert.NotEqual(metrics, await PidAsync(machine, "cloister-metrics"));
        await machine.RunAsync(Probe);
        Assert.Equal(state, await machine.RunAsync("cat /var/lib/cloister/UNPROTECTED-sealing.key /etc/cloister/enclave.yaml | sha256sum"));
        await machine.RunAsync($"systemctl restart cloister-enclave; {Probe}");
        Assert.Equal(key, await KeyAsync(machine));
        await machine.EventuallyAsync(Metrics);
    }

    private static Task<string> PidAsync(Machine machine, string unit) => machine.RunAsync($"systemctl show -P MainPID {unit}");

    private static async Task<string> KeyAsync(Machine machine) =>
        JsonNode.Parse(await machine.RunAsync("cloister kek list --socket /run/cloister/admin.sock -o json"))!.ToJsonString() is var text
            && System.Text.RegularExpressions.Regex.Match(text, "\"(?:activeKeyId|keyId)\":\"([^\"]+)\"") is { Success: true } match ? match.Groups[1].Value : throw new InvalidOperationException(text);

    private static string EnclaveText(string kms, string admin) => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: c
        provider: tee
        kms: { {{kms}} }
        admin: {listen: "unix:{{admin}}"}
        custody: {mode: manual, manual: { operators: any } }
        state: {directory: /var/lib/cloister}
        simulation: {sealingKeyFile: /var/lib/cloister/UNPROTECTED-sealing.key}

        """;
}
