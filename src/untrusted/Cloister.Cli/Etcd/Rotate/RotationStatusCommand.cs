using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary><c>cloister etcd rotation status</c>: how far a rotation is; changes nothing.</summary>
internal static class RotationStatusCommand
{
    internal static Command Create()
    {
        EtcdConnectionOptions connection = new();
        Option<string[]> sockets = new("--socket") { Description = "KMS socket of a node, forwarded from it or here; repeat for every node", Required = true };
        Option<string> secrets = CliOutput.Path("--secrets-socket", "secrets socket of one of them: which provider, which version");
        Option<int> sample = new("--sample") { Description = "seconds between two looks at etcd, for rate and time left; 0: one look", DefaultValueFactory = _ => 5 };
        CliOutput.Range(sample, 0, 3600);
        Option<string?> retire = new("--retire") { Description = "show the plan, with its hash, by which this key_id would be retired: for 'cloister etcd rotate --retire KEY_ID --plan HASH'" };
        Option<OutputFormat> output = CliOutput.Option();
        Command status = new("status", "Show the stage of a rotation, the key_id of each node, what is left, how fast and how long, with conditions. Exit 0 when nothing is left, 2 while something is.")
        {
            sockets, secrets, sample, retire, output,
        };
        connection.AddTo(status);
        status.SetAction(async (parsed, cancellation) =>
        {
            RotationStatus found = await LookAsync(
                connection.Etcd(parsed), connection.Prefix(parsed), parsed.GetValue(sockets)!, parsed.GetValue(secrets)!, TimeSpan.FromSeconds(parsed.GetValue(sample)), cancellation);
            Print(found, parsed.GetValue(retire), parsed.GetValue(output));
            return found.Stage == "Complete" ? ExitCode.Done : ExitCode.No;
        });
        return new Command("rotation", "Look at a rotation.") { status };
    }

    private static async Task<RotationStatus> LookAsync(EtcdOptions etcd, string prefix, string[] sockets, string secrets, TimeSpan sample, CancellationToken cancellation)
    {
        string provider = (await EnclaveSecrets.StatusAsync(secrets, cancellation)).Provider;
        (string Socket, string? KeyId, string Problem)[] nodes = await Task.WhenAll(sockets.Select(async socket =>
        {
            (string? keyId, string problem) = await NodeKeyId.AskAsync(socket, cancellation);
            return (socket, keyId, problem);
        }));
        string? current = nodes.Select(node => node.KeyId).Distinct().ToArray() is [{ } only] ? only : null;
        Dictionary<string, long> before = await CountAsync(etcd, prefix, provider, cancellation);
        Dictionary<string, long> now = before;
        double? rate = null;
        if (sample > TimeSpan.Zero && current is not null)
        {
            long start = Environment.TickCount64;
            await Task.Delay(sample, cancellation);
            now = await CountAsync(etcd, prefix, provider, cancellation);
            rate = Math.Max(0, StaleOf(before, current) - StaleOf(now, current)) / ((Environment.TickCount64 - start) / 1000.0);
        }

        using EtcdClient client = new(etcd);
        return new RotationStatus(nodes, current, now, (await client.HeaderAsync(cancellation)).ClusterId, rate);
    }

    private static long StaleOf(Dictionary<string, long> counts, string current) => counts.Where(entry => entry.Key != current).Sum(entry => entry.Value);

    private static async Task<Dictionary<string, long>> CountAsync(EtcdOptions etcd, string prefix, string provider, CancellationToken cancellation)
    {
        Coverage coverage = new(new CoverageRules(Requirement.Encrypted, provider, null), maxOffenders: 0);
        await CoverageCommand.ReadAsync(etcd, prefix, scanPrefix: null, coverage, check: null, allowEmpty: true, cancellation);
        return coverage.Stored
            .Where(entry => entry.Key.Storage.Kind == StorageKind.KmsV2 && entry.Key.Storage.Provider == provider)
            .GroupBy(entry => entry.Key.Storage.KeyId)
            .ToDictionary(group => group.Key, group => group.Sum(entry => entry.Value));
    }

    private static void Print(RotationStatus status, string? retire, OutputFormat output)
    {
        // Nothing is planned on what is not known.
        string? hash = retire is not null && status.Current is { } current && current != retire ? RotationStatus.PlanHash(status.Cluster, status.Nodes.Select(node => node.Socket), current, retire) : null;
        if (output == OutputFormat.Json)
        {
            JsonObject json = status.ToJson();
            json["plan"] = hash is null ? null : new JsonObject { ["retire"] = retire, ["keep"] = status.Current, ["etcdCluster"] = $"{status.Cluster}", ["hash"] = hash };
            CliOutput.Json(json);
            return;
        }

        if (retire is not null)
        {
            Console.Out.WriteLine(hash is null ? "no plan: nodes differ, or it is the version that writes use" : $"plan {hash}: retire {CliOutput.Shown(retire)}, keep {status.Current}, on {status.Nodes.Count} nodes, etcd cluster {status.Cluster}");
        }

        CliOutput.Table(["rotation", ""],
        [
            ["stage", status.Stage],
            .. status.Nodes.Select(node => (IReadOnlyList<string>)[node.Socket, CliOutput.Shown(node.KeyId ?? node.Problem)]),
            ["stale values left", status.Stale?.ToString(CultureInfo.InvariantCulture) ?? "not known while nodes differ"],
            ["values a second", status.Rate?.ToString("0.0", CultureInfo.InvariantCulture) ?? ""],
            ["seconds left", status.SecondsLeft?.ToString("0", CultureInfo.InvariantCulture) ?? ""],
        ]);
        CliOutput.Table(["condition", "status", "reason", "message"], status.Conditions().Select(condition => (IReadOnlyList<string>)[condition.Type, condition.Status, condition.Reason, CliOutput.Shown(condition.Message)]));
    }
}
