using Cloister.Packages.Tests.Brokers;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Nodes;

/// <summary>
/// Marked blocks of docs/operations.md that need a broker and a node with a Secret, to the letter, after "First Secret" and the rotation: what the KEK and the node are called is the test's.
/// Both machines have the folder <c>/shared</c>.
/// </summary>
/// <param name="broker">The key owner's machine.</param>
/// <param name="node">The control-plane node.</param>
/// <param name="measurement">The enclave's MRENCLAVE.</param>
internal sealed class ClusterOperations(Machine broker, Machine node, string measurement)
{
    private const string Etcd = "http://127.0.0.1:2379";

    private string OtherMeasurement { get; } = new('0', 64);

    internal async Task RunAsync()
    {
        await JudgeAsync();
        await RevokeAsync();
        await LoseAllButASnapshotAsync();
        await LookAtTheNodeAsync();
    }

    // Policies tried on evidence that was kept, collateral, and what will be refused.
    private async Task JudgeAsync()
    {
        await broker.RunAsync($"sed s/{measurement}/{OtherMeasurement}/ node/release-policy.yaml >stricter.yaml");
        string dryRun = Assert.Single(await DocumentBlocks.OperationsAsync("Administrators of a broker", "dry-run"));
        string today = dryRun.Replace("2026-06-12", "$(date -u -d yesterday +%F)", StringComparison.Ordinal).Replace("2026-06-19", "$(date -u -d tomorrow +%F)", StringComparison.Ordinal);
        Said refused = await broker.TryAsync(today);
        Assert.True(refused.ExitCode == 2, $"{refused}");
        await broker.RunAsync(today.Replace("stricter.yaml", "node/release-policy.yaml", StringComparison.Ordinal));

        foreach (string line in await DocumentBlocks.OperationsAsync("Collateral", "collateral"))
        {
            await broker.RunAsync(line);
        }

        string[] offline = await DocumentBlocks.OperationsAsync("Collateral", "offline-collateral");
        Assert.Equal(2, offline.Length);
        await broker.RunAsync(offline[0]);
        await broker.RunAsync("grep -q '\"model\"' models.json");

        // The vendor is simulated, and nobody's.
        Said shown = await broker.TryAsync(offline[1]);
        Assert.True(shown.ExitCode == 2, $"{shown}");
        await broker.RunAsync(offline[1].Replace(" --directory", " --root /shared/vendor/root.pem --directory", StringComparison.Ordinal));
    }

    private async Task RevokeAsync()
    {
        string[] revoke = await DocumentBlocks.OperationsAsync("Revoke", "revoke");
        Assert.Equal(4, revoke.Length);
        Assert.Contains(measurement[..8], await broker.RunAsync(revoke[0]), StringComparison.Ordinal);
        await broker.RunAsync(revoke[1]);
        Assert.Contains("00ff", await broker.RunAsync(revoke[2]), StringComparison.Ordinal);
        await broker.RunAsync(revoke[3]);
        Assert.DoesNotContain("00ff", await broker.RunAsync(revoke[2]), StringComparison.Ordinal);
    }

    // The drill is on the key owner's machine, with nothing but the snapshot and shares.
    private async Task LoseAllButASnapshotAsync()
    {
        string[] backUp = await DocumentBlocks.OperationsAsync("Back up a broker", "back-up");
        Keepers keepers = new(broker, "/", backUp[0], backUp[2]);
        await keepers.MakeKeysAsync();
        await broker.RunAsync("cp alice.json bob.json");
        await node.RunAsync("ln -s /opt/kubernetes/etcdctl /usr/bin/etcdctl");
        string[] before = await DocumentBlocks.OperationsAsync("Restore drill", "before-loss");
        Assert.Equal(4, before.Length);
        foreach (string line in before)
        {
            await (line.StartsWith("etcdctl", StringComparison.Ordinal) ? node : broker).RunAsync(Named(line));
        }

        await node.RunAsync("mv snapshot.db /shared/");
        await broker.RunAsync("mv /shared/snapshot.db .");
        await keepers.OpenAsync("shares1/prod-v1-", "shares1/prod-v1-");
        await keepers.OpenAsync("shares2/prod-v2-", "shares2/prod-v2-");

        string[] drill = await DocumentBlocks.OperationsAsync("Restore drill", "drill");
        Assert.Equal(2, drill.Length);
        Assert.Contains("/registry/secrets/default/first", await broker.RunAsync(Named(drill[0])), StringComparison.Ordinal);
        await broker.RunAsync($"{Named(drill[1])}\ngrep -qa hunter2 secret; rm secret");

        string[] one = await DocumentBlocks.OperationsAsync("Restore drill", "one-value");
        Assert.Equal(2, one.Length);
        await node.RunAsync($"cd /shared; {Named(one[0])}");
        await broker.RunAsync($"mv /shared/value .; {Named(one[1])}\ngrep -qa hunter2 secret");
    }

    private async Task LookAtTheNodeAsync()
    {
        await node.RunAsync($"cp node/release-policy.yaml production.yaml; sed s/{measurement}/{OtherMeasurement}/ production.yaml >next.yaml; for n in cp1 cp2 cp3; do mkdir $n; ln -s /run/cloister/kms.sock $n/; done");
        string plan = await node.RunAsync(Assert.Single(await DocumentBlocks.OperationsAsync("Upgrade", "upgrade")));
        Assert.All([measurement, OtherMeasurement, "cp3"], text => Assert.Contains(text, plan, StringComparison.Ordinal));

        await node.RunAsync(Assert.Single(await DocumentBlocks.OperationsAsync("Support bundle", "support-bundle")).Replace("ETCD", Etcd, StringComparison.Ordinal));
        await node.RunAsync("test -s bundle.tar.gz");

        // A node in a container without a TEE is not without findings: 2. A wrong command line is 1.
        string[] doctor =
        [
            .. (await DocumentBlocks.OperationsAsync("Look", "doctor")).Where(line => !line.StartsWith("cloister metrics", StringComparison.Ordinal)),
            .. await DocumentBlocks.OperationsAsync("Doctor", "doctor-options"),
        ];
        Assert.Equal(7, doctor.Length);
        await node.RunAsync("cloister doctor -o json >n2.json || test $? = 2; cp n2.json n3.json");
        await node.WriteAsync("kubeadm-config.yaml", "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n");
        foreach (string line in doctor)
        {
            Said said = await node.TryAsync(line.Replace("https://127.0.0.1:2379 --cacert CA --cert CRT --key KEY", Etcd, StringComparison.Ordinal));
            Assert.True(said.ExitCode is 0 or 2, $"{line}: {said}");
        }

        await node.RunAsync("grep -q '<testsuite' doctor.xml");
        string metrics = Assert.Single(await DocumentBlocks.OperationsAsync("Look", "doctor"), line => line.StartsWith("cloister metrics", StringComparison.Ordinal));
        await node.RunAsync($"systemd-run --quiet --collect --unit exporter {metrics}");
        await node.EventuallyAsync("curl -sf http://127.0.0.1:9464/metrics | grep -E '^cloister_up.* 1'; systemctl stop exporter");
    }

    private static string Named(string line) => line.Replace("payments", "prod", StringComparison.Ordinal).Replace("shop/db", "default/first", StringComparison.Ordinal)
        .Replace(" A ", " shares2/prod-v2-share-1.txt ", StringComparison.Ordinal).Replace(" B ", " shares2/prod-v2-share-2.txt ", StringComparison.Ordinal);
}
