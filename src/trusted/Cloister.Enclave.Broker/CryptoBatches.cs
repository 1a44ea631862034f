using System.Security.Cryptography;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// Joins wraps, or unwraps: what comes while a call is on its way goes with the next one, at most 256 items in each. One call at a time
/// for each KEK version and context. Thread-safe. secrets: items and answers, wiped when they were handed on.
/// </summary>
internal sealed class CryptoBatches
{
    private readonly Lock _gate = new();
    private readonly Func<CryptoRequest, Task<CryptoResponse>> _send;
    private readonly Dictionary<Target, Queue<Part>> _waiting = [];

    /// <param name="send">Makes one call.</param>
    internal CryptoBatches(Func<CryptoRequest, Task<CryptoResponse>> send)
    {
        _send = send;
    }

    /// <summary>Sends items and waits for the answers.</summary>
    /// <param name="target">Which KEK version and context.</param>
    /// <param name="items">1 to 256, wiped when they were sent.</param>
    /// <param name="cancellation">Ends this caller's wait, not the call.</param>
    /// <returns>As many answers, owned by the caller.</returns>
    internal async ValueTask<IReadOnlyList<byte[]?>> RunAsync(Target target, IReadOnlyList<byte[]> items, CancellationToken cancellation)
    {
        Part part = new(items);
        bool first;
        Queue<Part>? queue;
        lock (_gate)
        {
            first = !_waiting.TryGetValue(target, out queue);
            if (first)
            {
                queue = new Queue<Part>();
                _waiting.Add(target, queue);
            }

            queue!.Enqueue(part);
        }

        if (first)
        {
            _ = SendAsync(target, queue);
        }

        try
        {
            return await part.Answer.Task.WaitAsync(cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            _ = part.Answer.Task.ContinueWith(
                static answer => Wipe(answer.Result), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    internal static void Wipe(IEnumerable<byte[]?> secrets)
    {
        foreach (byte[]? secret in secrets)
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private async Task SendAsync(Target target, Queue<Part> queue)
    {
        while (Take(target, queue) is { Count: > 0 } parts)
        {
            byte[][] items = [.. parts.SelectMany(part => part.Items)];
            try
            {
                CryptoResponse response = await _send(new CryptoRequest(target.KeyId, target.Purpose, target.Cluster, target.Provider, items));
                int at = 0;
                foreach (Part part in parts)
                {
                    part.Answer.SetResult([.. response.Items.Skip(at).Take(part.Items.Count)]);
                    at += part.Items.Count;
                }
            }
            catch (Exception e)
            {
                // Whatever it was, everyone who waits is told and the queue goes on.
                parts.ForEach(part => part.Answer.TrySetException(e));
            }
            finally
            {
                Wipe(items);
            }
        }
    }

    private List<Part> Take(Target target, Queue<Part> queue)
    {
        List<Part> parts = [];
        int count = 0;
        lock (_gate)
        {
            while (queue.TryPeek(out Part? next) && (parts.Count == 0 || count + next.Items.Count <= KbsPaths.MaxItems))
            {
                parts.Add(queue.Dequeue());
                count += next.Items.Count;
            }

            if (parts.Count == 0)
            {
                _waiting.Remove(target);
            }
        }

        return parts;
    }

    /// <summary>What items of one call have in common.</summary>
    internal sealed record Target(string KeyId, string Purpose, string Cluster, string Provider);

    private sealed class Part(IReadOnlyList<byte[]> items)
    {
        internal IReadOnlyList<byte[]> Items { get; } = items;

        internal TaskCompletionSource<IReadOnlyList<byte[]?>> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
