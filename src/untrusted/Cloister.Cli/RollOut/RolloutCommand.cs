using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Cli.Etcd;
using Cloister.Cli.Output;

namespace Cloister.Cli.RollOut;

/// <summary><c>cloister rollout</c>: which phase is in force on every API server, and the next step or the one back, which it refuses while it would make a read fail.</summary>
internal static class RolloutCommand
{
    internal static Command Create() => new("rollout", "Hold the order of a roll-out: readers, writers, sealed, each on every API server before the next is on any.")
    {
        Status(),
        Step("next", "Say the next step, and refuse it until every API server can read what would be written. Exit 0: do it (or it is all done), 2: not now, with every reason.", back: false),
        Step("abort", "Say the step back. Exit 0: do it (or there is none), 2: not now, with every reason.", back: true),
    };

    private static Command Status()
    {
        RolloutOptions options = new();
        Command command = new("status", "Show which phase is in force on every API server. Exit 0 when it is one phase and all are ready, 2 when not.");
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            (IReadOnlyList<ApiServerView> servers, _, _) = await options.LookAsync(parsed, cancellation);
            Phase?[] phases = [.. servers.Select(server => server.Phase).Distinct()];
            bool ok = phases is [not null] && servers.All(server => server.Problem.Length == 0);
            if (parsed.GetValue(options.Output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["ok"] = ok, ["apiServers"] = new JsonArray([.. servers.Select(server => (JsonNode)server.ToJson())]) });
            }
            else
            {
                CliOutput.Table(["API server", "phase", "key_id (hash)", "problem"], servers.Select(server => (IReadOnlyList<string>)
                    [server.Name, server.Phase is { } phase ? PhaseFiles.NameOf(phase) : "unknown", server.KeyIdHash, CliOutput.Shown(server.Problem)]));
            }

            return ok ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    private static Command Step(string verb, string description, bool back)
    {
        RolloutOptions options = new();
        EtcdConnectionOptions etcd = EtcdConnectionOptions.ForScan();
        Option<string> prefix = new("--prefix") { Description = "keys of Secrets in etcd", DefaultValueFactory = _ => "/registry/secrets/" };
        Option<string> file = new("--file") { Description = "the API servers' --encryption-provider-config", DefaultValueFactory = _ => "/etc/kubernetes/cloister/encryption.yaml" };
        Option<string?> on = new("--on") { Description = "this machine is the node of that API server: put the phase's file in the place of --file, in one step, if it is its turn" };
        Command command = new(verb, description) { prefix, file, on };
        options.AddTo(command);
        etcd.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            (IReadOnlyList<ApiServerView> servers, IReadOnlyList<string>? identities, PhaseFiles files) = await options.LookAsync(parsed, cancellation);
            string? gateway = parsed.GetValue(options.Gateway);
            RolloutPlan plan = RolloutPlan.For(gateway is null ? RolloutPlan.ToPlugin : RolloutPlan.ToGateway, servers, back, identities);
            List<string> refusals = [.. plan.Refusals];

            // The last step to a gateway is its own configuration, which no API server knows of.
            bool sealGateways = gateway is not null && !back && plan.Target is null && refusals.Count == 0;
            if (plan.Target is Phase.Sealed && !back || plan.Target is Phase.None && back || sealGateways)
            {
                refusals.AddRange(await StoredAsync(etcd.IsGiven(parsed) ? etcd.Etcd(parsed) : null, parsed.GetValue(prefix)!, files.Provider, back, cancellation));
            }

            string? here = parsed.GetValue(on);
            if (refusals.Count == 0 && here is not null)
            {
                Install(plan, here, files, parsed.GetValue(file)!);
            }

            string[] commands = refusals.Count > 0 || here is not null ? [] : sealGateways
                ? ["every gateway, one node after the other, if it is not yet: mode: sealed in its configuration, and start it again"]
                : Commands(plan, files, parsed.GetValue(file)!, gateway);
            Print(plan, refusals, commands, here is not null, parsed.GetValue(options.Output));
            return refusals.Count == 0 ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    // Before an API server reads nothing else than its plugin's values there is nothing else, and before it reads none that are encrypted there are none.
    private static async Task<IReadOnlyList<string>> StoredAsync(EtcdOptions? etcd, string prefix, string provider, bool back, CancellationToken cancellation)
    {
        if (etcd is null)
        {
            return [back ? "the provider may go once no value in etcd is encrypted by it: give --endpoints of etcd" : "sealed reads nothing in clear: give --endpoints of etcd, to see that nothing is"];
        }

        Coverage coverage = new(new CoverageRules(Requirement.Encrypted, null, null), maxOffenders: 0);
        await CoverageCommand.ReadAsync(etcd, prefix, scanPrefix: null, coverage, check: null, allowEmpty: true, cancellation);
        if (coverage.Keys == 0)
        {
            return [$"etcd has no keys under {CliOutput.Shown(prefix)}, which says nothing: check --endpoints and --prefix"];
        }

        long left = coverage.Stored.Where(entry => back
            ? entry.Key.Storage.Kind is not (StorageKind.PlaintextProtobuf or StorageKind.PlaintextJson)
            : entry.Key.Storage.Kind != StorageKind.KmsV2 || entry.Key.Storage.Provider != provider).Sum(entry => entry.Value);
        return left == 0
            ? []
            : [back
                ? $"{left} values in etcd are encrypted: write them again ('kubectl annotate secrets --all -A cloister.dev/left=1 --overwrite')"
                : $"{left} values in etcd are in clear or of another provider: 'cloister etcd rewrap --include-plaintext' first; 'cloister etcd coverage' shows them"];
    }

    private static void Install(RolloutPlan plan, string here, PhaseFiles files, string file)
    {
        if (!plan.Servers.Contains(here))
        {
            throw new CliException($"--on {here}: this step is for {(plan.Servers.Count == 0 ? "no API server" : string.Join(", ", plan.Servers))}; nothing was changed", ExitCode.No);
        }

        if (!plan.IsFile)
        {
            throw new CliException($"--on {here}: this step is one of the API server's flags, which no file takes the place of; nothing was changed");
        }

        // Beside it, and then in its place: an API server never reads half of one.
        string beside = file + ".new";
        File.Delete(beside);
        using (FileStream stream = new(beside, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            stream.Write(File.ReadAllBytes(files.PathOf(plan.Target!.Value)));
            stream.Flush(flushToDisk: true);
        }

        File.Move(beside, file, overwrite: true);
    }

    private static string[] Commands(RolloutPlan plan, PhaseFiles files, string file, string? gateway)
    {
        string Install() => $"install -m 0600 {files.PathOf(plan.Target!.Value)} {file}.new && mv {file}.new {file}";
        string What() => (plan.Target, plan.From) switch
        {
            (Phase.Gateway, _) => $"--etcd-servers-overrides=/secrets#{gateway}, and --etcd-cafile with the gateway's authority, into the API server's flags (docs/gateway.md, \"Adopt\")",
            (Phase.None, _) => "take --encryption-provider-config out of the API server's flags",
            (Phase.Readers, Phase.Gateway) => $"{Install()}, and --etcd-servers-overrides out of the API server's flags",
            _ => Install(),
        };
        IEnumerable<string> first = plan.From is Phase.Gateway ? ["every gateway first: mode: adopt in its configuration, or it does not hand out what others write in clear"] : [];
        return [.. first, .. plan.Servers.Select(server => $"{server}: {What()}")];
    }

    private static void Print(RolloutPlan plan, List<string> refusals, string[] commands, bool installed, OutputFormat output)
    {
        string target = plan.Target is { } phase ? PhaseFiles.NameOf(phase) : "";
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(new JsonObject
            {
                ["allowed"] = refusals.Count == 0,
                ["target"] = target.Length == 0 ? null : target,
                ["apiServers"] = new JsonArray([.. plan.Servers.Select(server => (JsonNode)server)]),
                ["refusals"] = new JsonArray([.. refusals.Select(refusal => (JsonNode)CliOutput.Shown(refusal))]),
                ["commands"] = new JsonArray([.. commands.Select(command => (JsonNode)command)]),
                ["installed"] = installed && refusals.Count == 0,
            });
            return;
        }

        foreach (string refusal in refusals)
        {
            Console.Out.WriteLine($"not now: {CliOutput.Shown(refusal)}");
        }

        if (refusals.Count == 0)
        {
            Console.Out.WriteLine(target.Length == 0 ? "nothing is left to do in this direction at the API servers" : $"phase {target} for {string.Join(", ", plan.Servers)}, one after the other; 'cloister rollout status' shows when it is in force there");
            Array.ForEach(commands, Console.Out.WriteLine);
        }
    }
}
