using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Cli.Output;

namespace Cloister.Cli.Administration;

/// <summary>
/// Recovery shares: <c>cloister kek export|restore|drill</c>, <c>cloister admin export-authority</c>. What a keeper does with his is in <see cref="KeeperVerbs"/>.
/// secrets: shares that are restored, from files; never on standard output, nor on the command line.
/// </summary>
internal static class BrokerRecoveryVerbs
{
    internal static Command Export()
    {
        (Option<string> name, Option<int> version, Option<string?> approve) = (BrokerKekVerbs.Name(), BrokerKekVerbs.Version(), BrokerKekVerbs.Approve());
        (Option<int> threshold, Option<string[]> keepers, Option<string> directory) = (Threshold(), Keepers(), Directory());
        return BrokerVerb.Create("export", "Split a version of a broker's KEK into recovery shares, each sealed to its keeper.", [name, version, threshold, keepers, directory, approve], async (broker, parsed, output, cancellation) =>
        {
            string folder = ShareFiles.NewFolder(parsed.GetValue(directory)!);
            ExportKekRequest request = new(parsed.GetValue(threshold), ShareFiles.ReadKeepers(parsed.GetValue(keepers)!), parsed.GetValue(approve));
            TwoPersonAnswer<ExportedKek> answer = await broker.ExportAsync(parsed.GetValue(name)!, parsed.GetValue(version), request, cancellation);
            if (answer.Waiting is { } waiting)
            {
                return BrokerVerb.PrintWaiting(waiting, output);
            }

            string[] files = ShareFiles.Write(folder, $"{answer.Done!.Kek}-v{answer.Done.Version}", answer.Done.Shares);
            if (output == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject
                {
                    ["kek"] = answer.Done.Kek, ["version"] = answer.Done.Version, ["keyId"] = answer.Done.KeyId, ["threshold"] = answer.Done.Threshold,
                    ["files"] = new JsonArray([.. files.Select(file => JsonValue.Create(file))]), ["keepers"] = Pins(answer.Done.Shares),
                });
            }
            else
            {
                PrintFiles(files, answer.Done.Shares, answer.Done.Threshold);
            }

            return ExitCode.Done;
        });
    }

    internal static Command ExportAuthority()
    {
        (Option<int> threshold, Option<string[]> keepers, Option<string> directory) = (Threshold(), Keepers(), Directory());
        Option<string?> approve = BrokerKekVerbs.Approve();
        return BrokerVerb.Create("export-authority", "Split the key of a broker's authority into recovery shares: without it, shares of KEKs restore into no new broker.", [threshold, keepers, directory, approve], async (broker, parsed, output, cancellation) =>
        {
            string folder = ShareFiles.NewFolder(parsed.GetValue(directory)!);
            ExportKekRequest request = new(parsed.GetValue(threshold), ShareFiles.ReadKeepers(parsed.GetValue(keepers)!), parsed.GetValue(approve));
            TwoPersonAnswer<ExportedAuthority> answer = await broker.ExportAuthorityAsync(request, cancellation);
            if (answer.Waiting is { } waiting)
            {
                return BrokerVerb.PrintWaiting(waiting, output);
            }

            string[] files = ShareFiles.Write(folder, "authority", answer.Done!.Shares);
            if (output == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject
                {
                    ["authority"] = answer.Done.Authority, ["threshold"] = answer.Done.Threshold,
                    ["files"] = new JsonArray([.. files.Select(file => JsonValue.Create(file))]), ["keepers"] = Pins(answer.Done.Shares),
                });
            }
            else
            {
                PrintFiles(files, answer.Done.Shares, answer.Done.Threshold);
            }

            return ExitCode.Done;
        });
    }

    internal static Command Restore()
    {
        Option<string[]> shares = Shares();
        Option<string> cluster = new("--cluster") { Description = "the cluster of a KEK that the broker does not have yet", Required = true };
        Option<string> policy = new("--policy") { Description = "its policy, which was set", Required = true };
        Option<string?> store = new("--store") { Description = "its key store; may be left out when there is one" };
        Option<bool> keep = new("--no-release") { Description = "it stays with the broker (custody remote)" };
        Option<string?> approve = BrokerKekVerbs.Approve();
        return BrokerVerb.Create("restore", "Take a version into a broker from recovery shares.", [shares, cluster, policy, store, keep, approve], async (broker, parsed, output, cancellation) =>
            BrokerKekVerbs.Print(
                await broker.RestoreAsync(
                    new RestoreKekRequest(
                        ShareFiles.Read(parsed.GetValue(shares)!), parsed.GetValue(cluster)!, parsed.GetValue(policy)!, parsed.GetValue(store), !parsed.GetValue(keep), parsed.GetValue(approve)),
                    cancellation),
                output));
    }

    internal static Command Drill()
    {
        Option<string[]> shares = Shares();
        return BrokerVerb.Create("drill", "Prove that recovery shares restore what the broker has: exit 0 if so, 2 if not. Changes nothing.", [shares], async (broker, parsed, output, cancellation) =>
        {
            DrillResult result = await broker.DrillAsync(new DrillRequest(ShareFiles.Read(parsed.GetValue(shares)!)), cancellation);
            BrokerVerb.Print(result, AdminJson.Default.DrillResult, output, () => CliOutput.Table(["", ""],
            [
                ["restored", !result.Restored ? "NO" : result.Authority.Length > 0 ? $"key of authority {result.Authority}" : $"KEK {result.Kek} version {result.Version}, {result.KeyId}"],
                ["is the broker's key", result.Matches ? "yes" : "NO"],
                ["why not", result.Detail],
            ]));
            return result.Restored && result.Matches ? ExitCode.Done : ExitCode.No;
        });
    }

    private static void PrintFiles(string[] files, IReadOnlyList<SealedRecoveryShare> shares, int threshold) =>
        CliOutput.Table(["share", "for", "file"], files.Select((file, index) => (IReadOnlyList<string>)[$"{index + 1} of {files.Length}, {threshold} restore", shares[index].Keeper, file]));

    private static JsonArray Pins(IReadOnlyList<SealedRecoveryShare> shares) => [.. shares.Select(share => JsonValue.Create(share.Keeper))];

    private static Option<int> Threshold() => new("--threshold") { Description = "how many shares restore it, from 2", Required = true };

    private static Option<string[]> Keepers() => new("--keeper")
    {
        Description = "file with a keeper's public key, of 'cloister kek keeper-key'; once for each of 2 to 255", Required = true, AllowMultipleArgumentsPerToken = true,
    };

    private static Option<string> Directory() => CliOutput.Path("--directory", "new folder for the sealed shares, one file for each keeper");

    private static Option<string[]> Shares() => new("--share")
    {
        Description = "file with a share that its keeper has opened; once for each of as many as restore it", Required = true, AllowMultipleArgumentsPerToken = true,
    };
}
