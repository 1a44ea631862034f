using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Output;
using Cloister.Contracts.KmsV2;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd;

/// <summary>What was asked of <c>cloister etcd coverage</c>.</summary>
internal sealed record CoverageRequest(
    Requirement Require, string? Provider, string? KeyId, string? Socket, string? SecretsSocket, bool Verify,
    string? AdminSocket, string? Context, int List, bool AllowEmpty, OutputFormat Output)
{
    /// <exception cref="CliException">It does not go together.</exception>
    internal void Check()
    {
        if (new[] { Provider, KeyId, Socket, SecretsSocket, AdminSocket, Context }.Any(given => given?.Length == 0))
        {
            throw new CliException("--provider, --key-id, --socket, --secrets-socket, --admin-socket and --context are not empty texts");
        }

        if (new[] { KeyId, Socket, SecretsSocket }.Count(given => given is not null) > 1)
        {
            throw new CliException("--key-id, --socket and --secrets-socket all tell the current key_id: give one");
        }

        if (AdminSocket is not null && Context is not null)
        {
            throw new CliException("--admin-socket and --context both tell the names of KEKs: give one");
        }

        if (Verify && SecretsSocket is null)
        {
            throw new CliException("--verify needs --secrets-socket: only an enclave with the KEKs can tell whether a value opens");
        }

        if (Require == Requirement.Provider && Provider is null)
        {
            throw new CliException("--require provider needs --provider NAME");
        }

        if (Require == Requirement.Current && (KeyId ?? Socket ?? SecretsSocket) is null)
        {
            throw new CliException("--require current needs --key-id, --socket or --secrets-socket");
        }
    }

    /// <summary>The key_ids that writes use now; null when nothing was given that tells them.</summary>
    internal async Task<CurrentKeyIds?> CurrentAsync(CancellationToken cancellation)
    {
        if (SecretsSocket is not null)
        {
            return CurrentKeyIds.Of(await EnclaveSecrets.StatusAsync(SecretsSocket, cancellation));
        }

        return (Socket is null ? KeyId : await AskAsync(Socket, cancellation)) is { } one ? CurrentKeyIds.One(one) : null;
    }

    /// <summary>Names of KEKs; null when nothing was given that tells them.</summary>
    internal async Task<KekNames?> NamesAsync(CancellationToken cancellation) =>
        AdminSocket is not null ? await KekNames.OfEnclaveAsync(AdminSocket, cancellation)
        : Context is not null ? await KekNames.OfBrokerAsync(Context, cancellation)
        : null;

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
