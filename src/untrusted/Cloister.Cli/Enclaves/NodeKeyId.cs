using Cloister.Contracts.KmsV2;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Enclaves;

/// <summary>Asks a node which KEK version its writes use.</summary>
internal static class NodeKeyId
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <param name="socket">Its KMS socket, here or forwarded.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The key_id of Status, or null and why there is none.</returns>
    internal static async Task<(string? KeyId, string Problem)> AskAsync(string socket, CancellationToken cancellation)
    {
        try
        {
            using GrpcChannel channel = EnclaveChannel.Open(socket);
            StatusResponse status = await new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(
                new StatusRequest(), deadline: DateTime.UtcNow + Timeout, cancellationToken: cancellation);
            return (status.KeyId, "");
        }
        catch (RpcException e) when (!cancellation.IsCancellationRequested)
        {
            return (null, EnclaveChannel.Explain(e));
        }
        catch (CliException e)
        {
            return (null, e.Message);
        }
    }
}
