using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Cli.Config;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Doctor;

/// <summary><c>cloister doctor</c>: what is wrong with an installation, and what to do about it.</summary>
internal static class DoctorCommand
{
    internal static Command Create()
    {
        Option<string[]> sockets = new("--socket") { Description = "a KMS socket; repeat it for several enclaves of one cluster, whose key_ids have to be equal", Required = true };
        Option<string[]> admins = new("--admin-socket") { Description = "an enclave's admin socket; may be repeated" };
        Option<string?> configuration = new("--encryption-config") { Description = "the API server's EncryptionConfiguration" };
        Option<string?> provider = new("--provider-name") { Description = "name that the provider should have; with --admin-socket the enclave says it" };
        Option<bool> reload = EncryptionConfigurationOptions.Reload();
        Option<bool> kmsV1 = EncryptionConfigurationOptions.KmsV1();
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("doctor", "Look over an installation. Each finding names its fix. Exit 0 without errors, 2 with.")
        {
            sockets, admins, configuration, provider, reload, kmsV1, output,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            List<Finding> findings = await LookAsync(
                parsed.GetValue(sockets)!,
                parsed.GetValue(admins) ?? [],
                parsed.GetValue(provider),
                (file, name) => EncryptionConfigurationChecks.Run(file, parsed.GetValue(sockets)!, name, parsed.GetValue(reload), parsed.GetValue(kmsV1)),
                parsed.GetValue(configuration),
                cancellation);
            Print(findings, parsed.GetValue(output));
            return findings.Exists(finding => finding.Level == FindingLevel.Error) ? ExitCode.No : ExitCode.Done;
        });
        return command;
    }

    private static async Task<List<Finding>> LookAsync(
        string[] sockets, string[] admins, string? provider, Func<string, string?, IReadOnlyList<Finding>> look, string? configuration, CancellationToken cancellation)
    {
        if (sockets.Concat(admins).Any(path => path.Length == 0))
        {
            throw new CliException("a socket is a path, not an empty text");
        }

        List<Finding> findings = [];
        List<(string Socket, string KeyId)> keyIds = [];
        foreach (string socket in sockets)
        {
            (List<Finding> found, string? keyId) = await SocketChecks.RunAsync(socket, cancellation);
            findings.AddRange(found);
            if (keyId is not null)
            {
                keyIds.Add((socket, keyId));
            }
        }

        if (keyIds.Count > 1)
        {
            findings.Add(Agreement(keyIds));
        }

        foreach (string admin in admins)
        {
            (List<Finding> found, EnclaveState? state) = await EnclaveChecks.RunAsync(admin, cancellation);
            findings.AddRange(found);
            provider ??= state?.Provider;
        }

        if (configuration is not null)
        {
            findings.AddRange(look(configuration, provider));
        }

        return findings;
    }

    private static Finding Agreement(List<(string Socket, string KeyId)> keyIds)
    {
        string target = string.Join(", ", keyIds.Select(one => one.Socket));
        return keyIds.DistinctBy(one => one.KeyId).Count() == 1
            ? Finding.Ok("key_id", target, $"equal: {keyIds[0].KeyId}")
            : Finding.Error("key_id", target, string.Join("; ", keyIds.Select(one => $"{one.Socket}: {one.KeyId}")),
                "give every enclave the same KEK version (cloister kek import), or let all lease from one broker; during a rotation this ends within a minute");
    }

    private static void Print(List<Finding> findings, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(new JsonObject
            {
                ["ok"] = !findings.Exists(finding => finding.Level == FindingLevel.Error),
                ["findings"] = new JsonArray([.. findings.Select(finding => (JsonNode)finding.ToJson())]),
            });
            return;
        }

        CliOutput.Table(["", "check", "where", "seen", "do"], findings.OrderByDescending(finding => finding.Level).Select(finding =>
            (IReadOnlyList<string>)[finding.Level == FindingLevel.Ok ? "ok" : finding.Level.ToString().ToUpperInvariant(), finding.Check, finding.Target, finding.Detail, finding.Fix]));
    }
}
