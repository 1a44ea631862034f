using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Evidence;
using Cloister.Cli.Kek;
using Cloister.Cli.Operators;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Keys;
using Grpc.Net.Client;

namespace Cloister.Cli.Provision;

/// <summary><c>cloister provision</c>: gives an enclave of custody manual a KEK, after its evidence was verified and appraised here.</summary>
internal static class ProvisionCommand
{
    private const string UnixPrefix = "unix:";

    internal static Command Create()
    {
        Option<string> enclave = new("--enclave") { Description = "the enclave's admin socket, unix:PATH", Required = true };
        Option<string> policy = new("--policy") { Description = "appraisal policy, YAML: which enclaves may have the KEK", Required = true };
        Option<string> collateral = new("--collateral") { Description = "directory with the vendor's collateral, as 'evidence verify' takes it" };
        Option<string[]> roots = new("--root") { Description = "root certificate to trust besides the vendor's (simulated vendors), DER or PEM; may be repeated" };
        Option<string> config = new("--config") { Description = "the configuration file that the enclave must run" };
        Option<string> file = new("--kek-file") { Description = "file with the KEK: 32 bytes, or 64 hexadecimal digits" };
        Option<bool> stdin = new("--kek-stdin") { Description = "read the KEK from standard input" };
        Option<string> name = new("--name") { Description = "name of the KEK", Required = true };
        Option<uint> version = new("--version") { Description = "version of the KEK, from 1", DefaultValueFactory = _ => 1 };
        Option<bool> inactive = new("--inactive") { Description = "for reading only: writes go on with the active one" };
        Option<string?> operatorKey = OperatorOptions.Key();
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("provision", "Challenge an enclave, verify and appraise its evidence here, and send it a KEK that only it can open: exit 2 when it is refused.")
        {
            enclave, policy, collateral, roots, config, file, stdin, name, version, inactive, operatorKey, output,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            string kekName = parsed.GetValue(name)!;
            if (!KekIdentity.IsValidName(kekName) || parsed.GetValue(version) == 0)
            {
                throw new CliException("a KEK's name has 1 to 63 of a-z 0-9 - . and begins and ends with a letter or digit; its version is from 1");
            }

            ProvisioningTerms terms = new(
                EvidenceVerifyCommand.ReadPolicy(parsed.GetValue(policy)!),
                ReadRoots(parsed.GetValue(roots) ?? []),
                parsed.GetValue(collateral),
                parsed.GetValue(config) is { } path ? Convert.ToHexStringLower(SHA384.HashData(EvidenceFiles.Reading(() => File.ReadAllBytes(path)))) : null,
                kekName,
                parsed.GetValue(version),
                parsed.GetValue(inactive));
            string socket = SocketPath(parsed.GetValue(enclave)!);
            using GrpcChannel channel = EnclaveChannel.Open(socket);
            using OperatorKey? signer = OperatorKey.Find(parsed.GetValue(operatorKey), socket);
            try
            {
                Admin.AdminClient client = new(channel);
                string cluster = (await client.GetStateAsync(new GetStateRequest(), cancellationToken: cancellation)).Cluster;
                (KekInfo info, AppraisedEnclave accepted) = await EnclaveProvisioning.RunAsync(
                    client, terms, signer, () => Known(signer, cluster, terms, ReadKek(parsed.GetValue(file), parsed.GetValue(stdin))), cancellation);
                signer?.Known.Add(cluster, terms.Name, terms.Version, info.KeyId);
                Print(info, accepted, parsed.GetValue(output));
                return ExitCode.Done;
            }
            catch (RefusedEnclaveException e)
            {
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    CliOutput.Json(new JsonObject { ["provisioned"] = false, ["step"] = e.Failure.Step, ["code"] = e.Failure.Code, ["detail"] = e.Failure.Detail });
                }

                throw new CliException($"the enclave is refused, no KEK was sent: {e.Message}", ExitCode.No);
            }
        });
        return command;
    }

    private static string SocketPath(string address) => address.StartsWith(UnixPrefix, StringComparison.Ordinal) && address.Length > UnixPrefix.Length
        ? address[UnixPrefix.Length..]
        : throw new CliException("--enclave is unix:PATH, such as unix:/run/cloister/admin.sock");

    private static IReadOnlyList<Certificate> ReadRoots(string[] files)
    {
        try
        {
            return [.. files.SelectMany(file => EvidenceFiles.Reading(() => CollateralDirectory.ReadRoots(file)))];
        }
        catch (Attestation.Abi.EvidenceFormatException e)
        {
            throw new CliException($"--root: {e.Message}");
        }
    }

    private static byte[] Known(OperatorKey? signer, string cluster, ProvisioningTerms terms, byte[] kek)
    {
        try
        {
            signer?.Known.Require(cluster, terms.Name, terms.Version, KekInput.KeyIdOf(terms.Name, terms.Version, kek));
            return kek;
        }
        catch
        {
            CryptographicOperations.ZeroMemory(kek);
            throw;
        }
    }

    private static byte[] ReadKek(string? file, bool stdin)
    {
        if (stdin == (file is not null))
        {
            throw new CliException("say where the KEK is: --kek-file FILE or --kek-stdin");
        }

        using Stream input = file is null ? Console.OpenStandardInput() : EvidenceFiles.Reading(() => File.OpenRead(file));
        return KekInput.Read(input);
    }

    private static void Print(KekInfo kek, AppraisedEnclave enclave, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(new JsonObject
            {
                ["provisioned"] = true,
                ["name"] = kek.Name,
                ["version"] = kek.Version,
                ["keyId"] = kek.KeyId,
                ["active"] = kek.Active,
                ["instance"] = enclave.Key.Thumbprint,
                ["cluster"] = enclave.Statement.Cluster,
                ["provider"] = enclave.Statement.Provider,
                ["configuration"] = enclave.Statement.Config,
                ["waived"] = EvidenceJson.Of(enclave.Waived),
            });
            return;
        }

        CliOutput.Table(["", ""],
        [
            ["KEK", $"{kek.Name} version {kek.Version.ToString(CultureInfo.InvariantCulture)}"],
            ["key_id", kek.KeyId],
            ["writes", kek.Active ? "active" : "inactive"],
            ["cluster, provider", $"{enclave.Statement.Cluster}, {enclave.Statement.Provider}"],
            ["configuration", enclave.Statement.Config],
            ["instance", enclave.Key.Thumbprint],
            ["waived by the policy", enclave.Waived.Count == 0 ? "nothing" : string.Join(", ", enclave.Waived)],
        ]);
    }
}
