using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd.Rewrap;
using Grpc.Core;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>Waits until every node writes with the same KEK.</summary>
internal static class NodeConvergence
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(250);

    /// <param name="sockets">Sockets of nodes.</param>
    /// <param name="kms">Whether they are KMS sockets, which show the default KEK only; else secrets sockets.</param>
    /// <param name="kek">Name of the KEK of namespaces; null for the default KEK.</param>
    /// <param name="expected">The key_id that is waited for; null for any, as long as it is the same.</param>
    /// <param name="patience">How long.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The key_id of all nodes.</returns>
    /// <exception cref="CliException">Exit 2: not in that time; the message says who says what.</exception>
    internal static async Task<string> WaitAsync(
        IReadOnlyList<string> sockets, bool kms, string? kek, string? expected, TimeSpan patience, CancellationToken cancellation)
    {
        long deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (true)
        {
            (string? KeyId, string Said)[] nodes = await Task.WhenAll(sockets.Select(socket => AskAsync(socket, kms, kek, cancellation)));
            string? first = nodes[0].KeyId;
            if (first is not null && Array.TrueForAll(nodes, node => node.KeyId == first) && (expected is null || first == expected))
            {
                return first;
            }

            if (Environment.TickCount64 > deadline)
            {
                string what = string.Join("; ", sockets.Zip(nodes, (socket, node) => $"{socket}: {node.Said}"));
                throw new CliException($"the nodes do not all write with {expected ?? "one KEK"}: {what}", ExitCode.No);
            }

            await Task.Delay(Between, cancellation);
        }
    }

    private static async Task<(string? KeyId, string Said)> AskAsync(string socket, bool kms, string? kek, CancellationToken cancellation)
    {
        try
        {
            if (!kms)
            {
                CurrentKeyIds current = CurrentKeyIds.Of(await EnclaveSecrets.StatusAsync(socket, cancellation));
                string? keyId = kek is null ? current.Default : current.OfKek(kek);
                return keyId is { Length: > 0 } ? (keyId, keyId) : (null, keyId is null ? $"no rule names KEK {kek}" : $"KEK {kek} is not here");
            }

            (string? active, string problem) = await NodeKeyId.AskAsync(socket, cancellation);
            return (active, active ?? problem);
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
