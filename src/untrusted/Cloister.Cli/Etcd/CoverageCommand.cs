using System.CommandLine;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Output;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd;

/// <summary><c>cloister etcd coverage</c>: which Secrets are stored how.</summary>
internal static class CoverageCommand
{
    internal static Command Create()
    {
        EtcdConnectionOptions connection = new();
        Option<string> provider = new("--provider") { Description = "name of the KMS provider in the API server's configuration" };
        Option<string> keyId = new("--key-id") { Description = "the key_id that writes use now" };
        Option<string> socket = new("--socket") { Description = "KMS socket of a running plugin, which is asked for that key_id" };
        Option<string> secretsSocket = new("--secrets-socket") { Description = "secrets socket of a running enclave, which is asked for the key_ids of namespaces as well" };
        Option<Requirement> require = new("--require") { Description = "encrypted, provider or current", DefaultValueFactory = _ => Requirement.Encrypted };
        Option<int> list = new("--list") { Description = "at most so many names of offending keys", DefaultValueFactory = _ => 20 };
        CliOutput.Range(list, 0, 100_000);
        Option<bool> allowEmpty = new("--allow-empty") { Description = "no keys at all are fine" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("coverage", "Show how every Secret in etcd is stored: in clear, by which provider, with which key. Exit 0 when the requirement holds for all, 2 when not.")
        {
            provider, keyId, socket, secretsSocket, require, list, allowEmpty, output,
        };
        connection.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            EtcdOptions etcd = connection.Etcd(parsed);
            string prefix = connection.Prefix(parsed);
            Check(parsed.GetValue(require), parsed.GetValue(provider), parsed.GetValue(keyId), parsed.GetValue(socket), parsed.GetValue(secretsSocket));
            CurrentKeyIds? current = parsed.GetValue(secretsSocket) is { } secrets ? CurrentKeyIds.Of(await EnclaveSecrets.StatusAsync(secrets, cancellation))
                : (parsed.GetValue(socket) is { } path ? await AskAsync(path, cancellation) : parsed.GetValue(keyId)) is { } one ? CurrentKeyIds.One(one)
                : null;
            Coverage coverage = new(new CoverageRules(parsed.GetValue(require), parsed.GetValue(provider), current), parsed.GetValue(list));
            CoverageReport report = await ReadAsync(etcd, prefix, coverage, parsed.GetValue(allowEmpty), cancellation);
            report.Print(parsed.GetValue(output));
            return report.Ok ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    private static void Check(Requirement require, string? provider, string? keyId, string? socket, string? secretsSocket)
    {
        if (provider?.Length == 0 || keyId?.Length == 0 || socket?.Length == 0 || secretsSocket?.Length == 0)
        {
            throw new CliException("--provider, --key-id, --socket and --secrets-socket are not empty texts");
        }

        if (new[] { keyId, socket, secretsSocket }.Count(given => given is not null) > 1)
        {
            throw new CliException("--key-id, --socket and --secrets-socket all tell the current key_id: give one");
        }

        if (require == Requirement.Provider && provider is null)
        {
            throw new CliException("--require provider needs --provider NAME");
        }

        if (require == Requirement.Current && (keyId ?? socket ?? secretsSocket) is null)
        {
            throw new CliException("--require current needs --key-id, --socket or --secrets-socket");
        }
    }

    internal static async Task<CoverageReport> ReadAsync(EtcdOptions options, string prefix, Coverage coverage, bool allowEmpty, CancellationToken cancellation)
    {
        using EtcdClient client = new(options);
        string version = await client.VersionAsync(cancellation);
        long revision = await client.ScanAsync(
            ByteString.CopyFromUtf8(prefix), EtcdClient.DefaultPageSize, found => coverage.Add(found.Key.Span, found.Value.Span), cancellation);
        return new CoverageReport(coverage, prefix, version, revision, allowEmpty);
    }

    private static async Task<string> AskAsync(string socket, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(socket);
        StatusResponse status = await new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(
            new StatusRequest(), deadline: DateTime.UtcNow.AddSeconds(10), cancellationToken: cancellation);
        return status.Healthz == "ok" && status.KeyId.Length > 0
            ? status.KeyId
            : throw new CliException("the plugin is not healthy, so it has no current key_id to compare with: see 'cloister probe'");
    }
}
